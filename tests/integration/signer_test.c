/* keybroker-signer with a real token: SoftHSM, and SoftHSM that lies. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/x509.h>
#include <p11-kit/pkcs11.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../broker/base/b64.h"
#include "../../broker/base/mem.h"
#include "../../broker/base/process.h"
#include "../../pkcs11/lane_client.h"
#include "faulty.h"
#include "soft_token.c"

#define WAIT_MS 60000

static struct soft_token token;
static char program[512], faulty[128];

static int
make_token(void **state)
{
	const char *build = getenv("BUILD");

	(void)state;
	if (build == NULL)
		build = "build/test";
	snprintf(program, sizeof(program), "%s/keybroker-signer", build);
	if (soft_token_make(&token) != 0)
		return -1;
	return faulty_copy(build, token.folder, faulty);
}

static int
remove_token(void **state)
{
	(void)state;
	soft_token_remove(&token);
	return 0;
}

/* Starts a lane with one more option and its value, which may be NULL. */
static void
start(struct lane_client *c, const char *module, const char *uri, int pin,
    const char *option, const char *value)
{
	char *argv[] = { "keybroker-signer", "--module",
		(char *)(uintptr_t)module, "--token", (char *)(uintptr_t)uri,
		"--name", "test", "--lane", "0", (char *)(uintptr_t)option,
		(char *)(uintptr_t)value, NULL };
	struct fault why;

	if (lane_client_start(c, program, argv, pin, &why) != OK)
		fail_msg("%s", why.text);
}

static void
start_ready(struct lane_client *c, const char *module, const char *option,
    const char *value)
{
	struct lane_token about;
	struct fault why;

	start(c, module, SOFT_URI, token.pin_fd, option, value);
	if (lane_client_ready(c, &about, WAIT_MS, &why) != OK)
		fail_msg("%s", why.text);
	assert_string_equal(about.label, SOFT_LABEL);
}

static enum err
ask(struct lane_client *c, enum lane_op op, struct buf *request,
    struct reader *r, struct fault *why)
{
	enum err e = lane_client_send(c, op, request, why);

	if (e == OK)
		e = lane_client_receive(c, op, r, WAIT_MS, why);
	buf_reset(request);
	return e;
}

static struct buf request = { .max = FRAME_MAX };

static enum err
generate(struct lane_client *c, enum key_purpose purpose, enum key_type type,
    const char *name, struct lane_key *key, struct fault *why)
{
	struct reader r;
	enum err e;

	buf_put_u8(&request, (uint8_t)purpose);
	buf_put_u8(&request, (uint8_t)type);
	buf_put_str(&request, name);
	buf_put_u8(&request, 0);
	e = ask(c, LANE_GENERATE, &request, &r, why);
	if (e == OK) {
		lane_get_key(&r, key);
		assert_true(reader_done(&r));
	}
	return e;
}

static void
generate_good(struct lane_client *c, enum key_purpose purpose,
    enum key_type type, const char *name, struct lane_key *key)
{
	struct fault why;

	if (generate(c, purpose, type, name, key, &why) != OK)
		fail_msg("%s", why.text);
}

/* Signs, and verifies what comes back with OpenSSL. */
static enum err
sign(struct lane_client *c, const struct lane_key *key, enum sig_alg alg,
    const void *p, size_t n, struct fault *why)
{
	unsigned char sig[SIGNATURE_MAX];
	EVP_PKEY *public;
	struct reader r;
	size_t len;
	enum err e;

	lane_client_put_sign(&request, key, alg, p, n);
	e = ask(c, LANE_SIGN, &request, &r, why);
	if (e != OK)
		return e;
	assert_int_equal(lane_client_get_signature(&r, sig, &len, why), OK);
	public = spki_read(key->spki, key->spkilen, why);
	assert_non_null(public);
	assert_int_equal(signature_verify(public, alg, p, n, sig, len, why),
	    OK);
	((unsigned char *)sig)[len / 2] ^= 1;
	assert_int_not_equal(signature_verify(public, alg, p, n, sig, len,
	    why), OK);
	EVP_PKEY_free(public);
	return OK;
}

static const char checkpoint[] = AUDIT_SAMPLE;

static enum err
sign_checkpoint(struct lane_client *c, const struct lane_key *key,
    struct fault *why)
{
	return sign(c, key, alg_default(key->type), checkpoint,
	    sizeof(checkpoint) - 1, why);
}

static enum err
find(struct lane_client *c, const void *id, size_t n, struct lane_key *key,
    struct fault *why)
{
	struct reader r;
	enum err e;

	buf_put_bytes(&request, id, n);
	e = ask(c, LANE_FIND, &request, &r, why);
	if (e == OK)
		lane_get_key(&r, key);
	return e;
}

static enum err
destroy(struct lane_client *c, const struct lane_key *key, int spoil,
    struct fault *why)
{
	unsigned char hash[SHA256_SIZE];
	struct reader r;

	sha256(hash, key->spki, key->spkilen);
	hash[0] ^= (unsigned char)spoil;
	buf_put_bytes(&request, key->id, key->idlen);
	buf_put_bytes(&request, hash, sizeof(hash));
	return ask(c, LANE_DESTROY, &request, &r, why);
}

/* The output of a command, up to size - 1 bytes. */
static void
output_of(const char *command, char *out, size_t size)
{
	FILE *f = popen(command, "r");

	assert_non_null(f);
	out[fread(out, 1, size - 1, f)] = '\0';
	pclose(f);
}

static void
list_with_pkcs11_tool(char *out, size_t size)
{
	output_of("pkcs11-tool --module " SOFT_MODULE " --token-label "
	    SOFT_LABEL " --login --pin " SOFT_PIN " --list-objects 2>&1", out,
	    size);
}

/* SoftHSM copies into a session only what is modifiable. */
#define GOOD_ATTRIBUTES                                                \
	(KEY_SENSITIVE | KEY_ALWAYS_SENSITIVE | KEY_NEVER_EXTRACTABLE | \
	    KEY_LOCAL | KEY_PRIVATE | KEY_TOKEN | KEY_SIGN | KEY_MODIFIABLE)

static void
every_type_signs(void **state)
{
	static char shown[65536];
	struct lane_client c;

	(void)state;
	start_ready(&c, SOFT_MODULE, NULL, NULL);
	for (unsigned t = 0; t < KEY_TYPE__MAX; t++) {
		char name[32], label[64];
		struct lane_key key;
		struct fault why;

		snprintf(name, sizeof(name), "every-%u", t);
		generate_good(&c, PURPOSE_AUDIT, (enum key_type)t, name, &key);
		assert_int_equal(key.type, t);
		assert_int_equal(key.purpose, PURPOSE_AUDIT);
		assert_string_equal(key.name, name);
		assert_int_equal(key.idlen, 16);
		assert_int_equal(key.attributes, GOOD_ATTRIBUTES);
		for (unsigned a = 0; a < ALG__MAX; a++) {
			enum err e = sign(&c, &key, (enum sig_alg)a,
			    checkpoint, sizeof(checkpoint) - 1, &why);

			assert_int_equal(e, alg_fits((enum sig_alg)a,
			    key.type) ? OK : ERR_UNSUPPORTED);
		}
		list_with_pkcs11_tool(shown, sizeof(shown));
		snprintf(label, sizeof(label), "kb1:audit:every-%u", t);
		assert_non_null(strstr(shown, label));
		assert_non_null(strstr(shown, "sensitive, always sensitive, "
		    "never extractable, local"));
		assert_int_equal(destroy(&c, &key, 0, &why), OK);
	}
	assert_int_equal(lane_client_stop(&c), EXIT_FINE);
}

/* The JWS signing input of an ACME request. */
static void
put_jws(struct buf *b, const char *header)
{
	b64_put(b, header, strlen(header));
	buf_puts(b, ".e30");
}

#define HEADER(alg)                                                     \
	"{\"alg\":\"" alg "\",\"kid\":\"https://ca.example/1\",\"nonce\":" \
	"\"AAAA\",\"url\":\"https://ca.example/o\"}"

static void
account_key_signs_requests_only(void **state)
{
	struct lane_client c;
	struct lane_key key;
	struct fault why;
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	start_ready(&c, SOFT_MODULE, NULL, NULL);
	generate_good(&c, PURPOSE_ACCOUNT, KEY_EC_P256, "account", &key);
	put_jws(&b, HEADER("ES256"));
	assert_int_equal(sign(&c, &key, ALG_ES256, b.data, b.len, &why), OK);
	buf_reset(&b);
	put_jws(&b, HEADER("ES384"));
	assert_int_equal(sign(&c, &key, ALG_ES256, b.data, b.len, &why),
	    ERR_SHAPE);
	buf_reset(&b);
	put_jws(&b, "{\"alg\":\"ES256\",\"typ\":\"passport\"}");
	assert_int_equal(sign(&c, &key, ALG_ES256, b.data, b.len, &why),
	    ERR_SHAPE);
	assert_int_equal(sign_checkpoint(&c, &key, &why), ERR_SHAPE);
	assert_int_equal(destroy(&c, &key, 0, &why), OK);
	assert_int_equal(lane_client_stop(&c), EXIT_FINE);
	buf_free(&b);
}

/* The CertificationRequestInfo of an empty subject. */
static size_t
make_csr(const struct lane_key *key, unsigned char **der)
{
	X509_REQ *req = X509_REQ_new();
	struct fault why;
	EVP_PKEY *public = spki_read(key->spki, key->spkilen, &why);
	int n;

	*der = NULL;
	assert_int_equal(X509_REQ_set_pubkey(req, public), 1);
	n = i2d_re_X509_REQ_tbs(req, der);
	assert_true(n > 0);
	EVP_PKEY_free(public);
	X509_REQ_free(req);
	return (size_t)n;
}

static void
certificate_key_signs_its_csr_only(void **state)
{
	struct lane_key key, other;
	struct lane_client c;
	unsigned char *der;
	struct fault why;
	size_t n;

	(void)state;
	start_ready(&c, SOFT_MODULE, NULL, NULL);
	generate_good(&c, PURPOSE_CERTIFICATE, KEY_EC_P384, "www", &key);
	generate_good(&c, PURPOSE_CERTIFICATE, KEY_EC_P384, "other", &other);
	n = make_csr(&key, &der);
	assert_int_equal(sign(&c, &key, ALG_ES384, der, n, &why), OK);
	assert_int_equal(sign(&c, &key, ALG_ES384, der, n - 1, &why),
	    ERR_SHAPE);
	assert_int_equal(sign(&c, &other, ALG_ES384, der, n, &why),
	    ERR_SHAPE);
	assert_int_equal(sign_checkpoint(&c, &key, &why), ERR_SHAPE);
	OPENSSL_free(der);
	assert_int_equal(destroy(&c, &key, 0, &why), OK);
	assert_int_equal(destroy(&c, &other, 0, &why), OK);
	assert_int_equal(lane_client_stop(&c), EXIT_FINE);
}

static void
wrong_pin_of_the_key_is_refused(void **state)
{
	struct lane_key key, mixed;
	struct lane_client c;
	struct fault why;

	(void)state;
	start_ready(&c, SOFT_MODULE, NULL, NULL);
	generate_good(&c, PURPOSE_AUDIT, KEY_EC_P256, "pinned", &key);
	generate_good(&c, PURPOSE_AUDIT, KEY_EC_P256, "mixed", &mixed);
	for (int round = 0; round < 2; round++) {
		struct lane_key wrong = key;

		wrong.spkilen = mixed.spkilen;
		memcpy(wrong.spki, mixed.spki, mixed.spkilen);
		assert_int_equal(sign_checkpoint(&c, &wrong, &why), ERR_KEY);
		assert_int_equal(sign_checkpoint(&c, &key, &why), OK);
	}
	assert_int_equal(destroy(&c, &key, 1, &why), ERR_KEY);
	assert_int_equal(sign_checkpoint(&c, &key, &why), OK);
	assert_int_equal(destroy(&c, &key, 0, &why), OK);
	assert_int_equal(destroy(&c, &mixed, 0, &why), OK);
	assert_int_equal(lane_client_stop(&c), EXIT_FINE);
}

static void
destroyed_is_gone(void **state)
{
	static char shown[65536];
	struct lane_client a, b;
	struct lane_key key, found;
	struct fault why;

	(void)state;
	start_ready(&a, SOFT_MODULE, NULL, NULL);
	start_ready(&b, SOFT_MODULE, NULL, NULL);
	generate_good(&a, PURPOSE_AUDIT, KEY_EC_P256, "doomed", &key);
	assert_int_equal(find(&b, key.id, key.idlen, &found, &why), OK);
	assert_memory_equal(found.spki, key.spki, key.spkilen);
	assert_int_equal(sign_checkpoint(&b, &key, &why), OK);
	assert_int_equal(destroy(&a, &key, 0, &why), OK);
	assert_int_equal(sign_checkpoint(&a, &key, &why), ERR_KEY);
	assert_int_equal(sign_checkpoint(&b, &key, &why), ERR_KEY);
	assert_int_equal(find(&b, key.id, key.idlen, &found, &why), ERR_KEY);
	assert_int_equal(destroy(&b, &key, 0, &why), ERR_NOT_FOUND);
	list_with_pkcs11_tool(shown, sizeof(shown));
	assert_null(strstr(shown, "doomed"));
	assert_int_equal(lane_client_stop(&a), EXIT_FINE);
	assert_int_equal(lane_client_stop(&b), EXIT_FINE);
}

#define MANY 53 /* more than one page */

static uint32_t
list(struct lane_client *c, uint32_t first, struct lane_key *keys,
    uint32_t *count)
{
	struct fault why;
	struct reader r;
	uint32_t total;

	buf_put_u32(&request, first);
	assert_int_equal(ask(c, LANE_LIST, &request, &r, &why), OK);
	total = reader_u32(&r);
	*count = reader_u32(&r);
	for (uint32_t i = 0; i < *count; i++)
		lane_get_key(&r, &keys[first + i]);
	assert_true(reader_done(&r));
	return total;
}

/* A key that is used again and again is copied into the session: it is still
 * one key, and the copy signs no longer than a second without it. */
static void
copy_ends_with_its_key(void **state)
{
	struct lane_client a, b;
	struct lane_key key, found;
	struct fault why;

	(void)state;
	start_ready(&a, SOFT_MODULE, NULL, NULL);
	start_ready(&b, SOFT_MODULE, NULL, NULL);
	generate_good(&a, PURPOSE_AUDIT, KEY_EC_P256, "copied", &key);
	for (int i = 0; i < 10; i++)
		assert_int_equal(sign_checkpoint(&b, &key, &why), OK);
	assert_int_equal(find(&b, key.id, key.idlen, &found, &why), OK);
	assert_int_equal(found.attributes, key.attributes);
	assert_int_equal(destroy(&a, &key, 0, &why), OK);
	for (int i = 0; i < 13; i++) {
		usleep(100000);
		(void)sign_checkpoint(&b, &key, &why);
	}
	assert_int_equal(sign_checkpoint(&b, &key, &why), ERR_KEY);
	assert_int_equal(lane_client_stop(&a), EXIT_FINE);
	assert_int_equal(lane_client_stop(&b), EXIT_FINE);
}

/* The second page comes from another lane than the first, and all the same
 * every key is in it once. */
static void
lists_in_pages(void **state)
{
	static struct lane_key keys[MANY], made;
	struct lane_client c, other;
	struct fault why;
	uint32_t n, more;

	(void)state;
	start_ready(&c, SOFT_MODULE, NULL, NULL);
	start_ready(&other, SOFT_MODULE, NULL, NULL);
	assert_int_equal(list(&c, 0, keys, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(list(&other, 0, keys, &n), 0);
	for (int i = 0; i < MANY; i++)
		generate_good(&c, PURPOSE_AUDIT, KEY_EC_P256, "many", &made);
	assert_int_equal(list(&c, 0, keys, &n), MANY);
	assert_int_equal(n, 50);
	assert_int_equal(list(&other, n, keys, &more), MANY);
	assert_int_equal(n + more, MANY);
	for (uint32_t i = 0; i < MANY; i++) {
		for (uint32_t k = 0; k < i; k++)
			assert_memory_not_equal(keys[i].id, keys[k].id, 16);
		assert_string_equal(keys[i].name, "many");
		assert_int_equal(destroy(&c, &keys[i], 0, &why), OK);
	}
	assert_int_equal(list(&other, 0, keys, &n), 0);
	assert_int_equal(lane_client_stop(&c), EXIT_FINE);
	assert_int_equal(lane_client_stop(&other), EXIT_FINE);
}

static void
key_born_elsewhere(void **state)
{
	static char shown[4096];
	struct lane_key key;
	struct lane_client c;
	struct fault why;

	(void)state;
	output_of("pkcs11-tool --module " SOFT_MODULE " --token-label "
	    SOFT_LABEL " --login --pin " SOFT_PIN " --keypairgen --key-type "
	    "EC:prime256v1 --label old --id 0a0b 2>&1", shown, sizeof(shown));
	start_ready(&c, SOFT_MODULE, "--key", "mine=audit=pkcs11:object=old");
	assert_int_equal(find(&c, "name:mine", 9, &key, &why), OK);
	assert_int_equal(key.purpose, PURPOSE_AUDIT);
	assert_string_equal(key.name, "mine");
	assert_int_equal(key.idlen, 2);
	assert_memory_equal(key.id, "\x0a\x0b", 2);
	assert_int_equal(sign_checkpoint(&c, &key, &why), OK);
	assert_int_equal(sign(&c, &key, ALG_ES256, "x", 1, &why), ERR_SHAPE);
	assert_int_equal(destroy(&c, &key, 0, &why), ERR_DENIED);
	assert_int_equal(find(&c, "name:other", 10, &key, &why), ERR_KEY);
	assert_int_equal(lane_client_stop(&c), EXIT_FINE);

	/* Nobody said what it is for: it is not the broker's. */
	start_ready(&c, SOFT_MODULE, NULL, NULL);
	assert_int_equal(find(&c, "\x0a\x0b", 2, &key, &why), ERR_KEY);
	assert_int_equal(sign_checkpoint(&c, &key, &why), ERR_KEY);
	assert_int_equal(lane_client_stop(&c), EXIT_FINE);
	output_of("pkcs11-tool --module " SOFT_MODULE " --token-label "
	    SOFT_LABEL " --login --pin " SOFT_PIN " --delete-object --type "
	    "privkey --id 0a0b 2>&1", shown, sizeof(shown));
}

static void
nonsense_is_refused(void **state)
{
	struct lane_client c;
	struct fault why;
	struct reader r;

	(void)state;
	start_ready(&c, SOFT_MODULE, NULL, NULL);
	for (unsigned op = 0; op < LANE_OP__MAX + 2; op++) {
		buf_put_u8(&request, 0xff);
		assert_int_equal(ask(&c, (enum lane_op)op, &request, &r, &why),
		    ERR_SYNTAX);
	}
	buf_puts(&request, "");
	assert_int_equal(ask(&c, LANE_TOKEN, &request, &r, &why), OK);
	assert_int_equal(send(c.fd, "not a frame", 11, 0), 11);
	assert_int_equal(lane_client_stop(&c), EXIT_BROKEN);
}

/* A further channel is served like the first; too many are refused. */
static void
channels_are_served(void **state)
{
	struct frame head = { .op = LANE_CHANNEL, .nfds = 1 };
	static unsigned char buffer[FRAME_MAX + 64];
	struct lane_client c;
	struct frame answer;
	struct fault why;
	int pair[2], given[LANE_CHANNELS];

	(void)state;
	start_ready(&c, SOFT_MODULE, NULL, NULL);
	for (unsigned i = 0; i < LANE_CHANNELS; i++) {
		assert_int_equal(frame_pair(pair, &why), OK);
		head.fds[0] = pair[1];
		assert_int_equal(frame_send(c.fd, &head, NULL, 0, &why), OK);
		close(pair[1]);
		given[i] = pair[0];
	}
	/* one more than it serves: refused on the first channel */
	assert_int_equal(frame_recv(c.fd, &answer, buffer, sizeof(buffer),
	    WAIT_MS, &why), OK);
	assert_int_equal(answer.status, ERR_SYNTAX);
	for (unsigned i = 0; i < LANE_CHANNELS - 1; i++) {
		head = (struct frame){ .op = LANE_TOKEN, .id = i + 40 };
		assert_int_equal(frame_send(given[i], &head, NULL, 0, &why),
		    OK);
		assert_int_equal(frame_recv(given[i], &answer, buffer,
		    sizeof(buffer), WAIT_MS, &why), OK);
		assert_int_equal(answer.status, OK);
		assert_int_equal(answer.id, i + 40);
	}
	for (unsigned i = 0; i < LANE_CHANNELS; i++)
		close(given[i]);
	lane_client_stop(&c);
}

static int
failed_start(const char *module, const char *uri, int pin, enum err expected)
{
	struct lane_token about;
	struct lane_client c;
	struct fault why;

	start(&c, module, uri, pin, NULL, NULL);
	assert_int_equal(lane_client_ready(&c, &about, WAIT_MS, &why),
	    expected);
	assert_int_equal(why.code, expected);
	return lane_client_stop(&c);
}

static void
start_failures_have_their_codes(void **state)
{
	(void)state;
	assert_int_equal(failed_start("/nonexistent.so", SOFT_URI,
	    token.pin_fd, ERR_CONFIG), EXIT_SETTING);
	assert_int_equal(failed_start(SOFT_MODULE, "pkcs11:token=other",
	    token.pin_fd, ERR_TOKEN), EXIT_TEMPORARY);
	assert_int_equal(failed_start(SOFT_MODULE, SOFT_URI ";slot-id=0",
	    token.pin_fd, ERR_CONFIG), EXIT_SETTING);
	assert_int_equal(failed_start(SOFT_MODULE, SOFT_URI,
	    -1, ERR_CONFIG), EXIT_SETTING);
}

static void
told_to_end(void **state)
{
	struct lane_client c;
	int status = -1;

	(void)state;
	start_ready(&c, SOFT_MODULE, NULL, NULL);
	kill(c.pid, SIGTERM);
	assert_int_equal(waitpid(c.pid, &status, 0), c.pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), EXIT_FINE);
	c.pid = -1;
	lane_client_stop(&c);
}

/* How often the faulty module was asked for something. */
static unsigned long
calls_of(const char *function)
{
	return faulty_calls(faulty, function);
}

static int
tell_truth(void **state)
{
	(void)state;
	faulty_forget(faulty);
	return 0;
}

static void
wrong_pin_is_tried_once(void **state)
{
	(void)state;
	assert_int_equal(failed_start(faulty, SOFT_URI, token.wrong_pin_fd,
	    ERR_PIN), EXIT_PIN);
	assert_int_equal(calls_of("C_Login"), 1);
	assert_int_equal(calls_of("C_Finalize"), 1);

	/* The token now warns, and so even the right one is kept back. */
	assert_int_equal(failed_start(faulty, SOFT_URI, token.pin_fd, ERR_PIN),
	    EXIT_PIN);
	assert_int_equal(calls_of("C_Login"), 1);
}

static void
low_count_is_allowed_by_option(void **state)
{
	struct lane_client c;

	(void)state;
	start_ready(&c, faulty, "--allow-count-low", NULL);
	assert_int_equal(lane_client_stop(&c), EXIT_FINE);
	assert_int_equal(calls_of("C_Login"), 1);
	assert_int_equal(calls_of("C_Logout"), 0);
	assert_int_equal(calls_of("C_Finalize"), 1);
}

static void
last_try_is_not_burnt(void **state)
{
	struct lane_token about;
	struct lane_client c;
	struct fault why;

	(void)state;
	faulty_script(faulty, "C_GetTokenInfo * flags "
	    "+CKF_USER_PIN_FINAL_TRY");
	start(&c, faulty, SOFT_URI, token.pin_fd, "--allow-count-low", NULL);
	assert_int_equal(lane_client_ready(&c, &about, WAIT_MS, &why), ERR_PIN);
	assert_int_equal(lane_client_stop(&c), EXIT_PIN);
	faulty_script(faulty, "C_GetTokenInfo * flags "
	    "+CKF_USER_PIN_LOCKED");
	assert_int_equal(failed_start(faulty, SOFT_URI, token.pin_fd, ERR_PIN),
	    EXIT_PIN);
	assert_int_equal(calls_of("C_Login"), 0);
}

static void
signing_again_does_not_search(void **state)
{
	struct lane_key key;
	struct lane_client c;
	struct fault why;
	unsigned long searches;

	(void)state;
	start_ready(&c, faulty, NULL, NULL);
	generate_good(&c, PURPOSE_AUDIT, KEY_EC_P256, "hot", &key);
	assert_int_equal(sign_checkpoint(&c, &key, &why), OK);
	searches = calls_of("C_FindObjectsInit");
	for (int i = 0; i < 5; i++)
		assert_int_equal(sign_checkpoint(&c, &key, &why), OK);
	assert_int_equal(calls_of("C_FindObjectsInit"), searches);
	assert_int_equal(calls_of("C_OpenSession"), 1);
	assert_int_equal(destroy(&c, &key, 0, &why), OK);
	assert_int_equal(lane_client_stop(&c), EXIT_FINE);
}

static void
odd_tokens_are_understood(void **state)
{
	struct lane_key key;
	struct lane_client c;
	struct fault why;

	(void)state;
	faulty_script(faulty, "C_GetAttributeValue * attribute CKA_EC_POINT "
	    "raw\nC_Sign * signature der");
	start_ready(&c, faulty, NULL, NULL);
	for (unsigned t = KEY_EC_P256; t <= KEY_EC_P384; t++) {
		generate_good(&c, PURPOSE_AUDIT, (enum key_type)t, "odd",
		    &key);
		assert_int_equal(sign_checkpoint(&c, &key, &why), OK);
		assert_int_equal(destroy(&c, &key, 0, &why), OK);
	}
	assert_int_equal(lane_client_stop(&c), EXIT_FINE);
}

static void
extractable_keys_are_destroyed(void **state)
{
	static char shown[65536];
	struct lane_key key;
	struct lane_client c;
	struct fault why;

	(void)state;
	faulty_script(faulty, "C_GetAttributeValue * attribute "
	    "CKA_EXTRACTABLE true");
	start_ready(&c, faulty, NULL, NULL);
	assert_int_equal(generate(&c, PURPOSE_AUDIT, KEY_EC_P256, "leaky",
	    &key, &why), ERR_TOKEN);
	list_with_pkcs11_tool(shown, sizeof(shown));
	assert_null(strstr(shown, "leaky"));
	assert_int_equal(lane_client_stop(&c), EXIT_FINE);
}

static void
reduced_template_is_tried(void **state)
{
	struct lane_key key;
	struct lane_client c;
	struct fault why;

	(void)state;
	faulty_script(faulty, "C_GenerateKeyPair 1 return "
	    "CKR_TEMPLATE_INCONSISTENT");
	start_ready(&c, faulty, NULL, NULL);
	generate_good(&c, PURPOSE_AUDIT, KEY_EC_P256, "plain", &key);
	assert_int_equal(calls_of("C_GenerateKeyPair"), 2);
	assert_int_equal(key.attributes, GOOD_ATTRIBUTES);
	assert_int_equal(destroy(&c, &key, 0, &why), OK);
	assert_int_equal(lane_client_stop(&c), EXIT_FINE);
}

/* A failure at the second C_Sign or C_SignInit (the first is the new key's own
 * test) is healed without anybody noticing. */
static void
failures_are_healed(void **state)
{
	static const struct {
		const char *lies;
		unsigned long sessions, starts, logins;
	} cases[] = {
		{ "C_SignInit 2 return CKR_SESSION_HANDLE_INVALID", 2, 1, 1 },
		{ "C_SignInit 2 return CKR_OPERATION_ACTIVE", 2, 1, 1 },
		{ "C_SignInit 2 return CKR_OBJECT_HANDLE_INVALID", 1, 1, 1 },
		{ "C_SignInit 2 return CKR_USER_NOT_LOGGED_IN", 1, 1, 1 },
		{ "C_Sign 2 return CKR_DEVICE_ERROR", 2, 1, 1 },
		{ "C_Sign 2 return CKR_DEVICE_ERROR\n"
		    "C_Sign 3 return CKR_GENERAL_ERROR", 3, 2, 2 },
		{ "C_Sign 2 return 0x80000001", 2, 1, 1 },
		{ "C_Sign 2 return CKR_TOKEN_NOT_PRESENT", 2, 2, 2 },
		{ "C_SignInit 2 return CKR_CRYPTOKI_NOT_INITIALIZED", 2, 2, 2 },
		{ "C_FindObjectsInit 3 return CKR_SESSION_HANDLE_INVALID", 2, 1,
		    1 },
	};
	struct lane_key key;
	struct lane_client c;
	struct fault why;

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		tell_truth(NULL);
		faulty_script(faulty, cases[i].lies);
		start_ready(&c, faulty, NULL, NULL);
		generate_good(&c, PURPOSE_AUDIT, KEY_EC_P256, "heal", &key);
		for (int k = 0; k < 3; k++)
			if (sign_checkpoint(&c, &key, &why) != OK)
				fail_msg("%s: %s", cases[i].lies, why.text);
		if (calls_of("C_OpenSession") != cases[i].sessions ||
		    calls_of("C_Initialize") != cases[i].starts ||
		    calls_of("C_Login") != cases[i].logins)
			fail_msg("%s: %lu sessions, %lu starts, %lu logins",
			    cases[i].lies, calls_of("C_OpenSession"),
			    calls_of("C_Initialize"), calls_of("C_Login"));
		assert_int_equal(destroy(&c, &key, 0, &why), OK);
		assert_int_equal(lane_client_stop(&c), EXIT_FINE);
	}
}

static void
lane_ends_when_nothing_heals(void **state)
{
	static char shown[65536];
	struct lane_key key;
	struct lane_client c;
	struct fault why;

	(void)state;
	faulty_script(faulty, "C_Sign 2 return CKR_TOKEN_NOT_PRESENT\n"
	    "C_Sign 3 return CKR_TOKEN_NOT_PRESENT");
	start_ready(&c, faulty, NULL, NULL);
	generate_good(&c, PURPOSE_AUDIT, KEY_EC_P256, "lost", &key);
	assert_int_equal(sign_checkpoint(&c, &key, &why), ERR_TOKEN);
	assert_int_equal(why.ckr, CKR_TOKEN_NOT_PRESENT);
	assert_int_equal(lane_client_stop(&c), EXIT_TEMPORARY);

	/* A second login that is refused ends everything, at once. */
	tell_truth(NULL);
	faulty_script(faulty, "C_SignInit 1 return "
	    "CKR_CRYPTOKI_NOT_INITIALIZED\n"
	    "C_Login 2 return CKR_PIN_INCORRECT");
	start_ready(&c, faulty, NULL, NULL);
	assert_int_equal(sign_checkpoint(&c, &key, &why), ERR_PIN);
	assert_int_equal(lane_client_stop(&c), EXIT_PIN);
	assert_int_equal(calls_of("C_Login"), 2);

	/* Generation is not repeated when it may have happened. */
	tell_truth(NULL);
	faulty_script(faulty, "C_GenerateKeyPair 1 return CKR_DEVICE_ERROR");
	start_ready(&c, faulty, NULL, NULL);
	assert_int_equal(destroy(&c, &key, 0, &why), OK);
	assert_int_equal(generate(&c, PURPOSE_AUDIT, KEY_EC_P256, "once",
	    &key, &why), ERR_TOKEN);
	assert_int_equal(calls_of("C_GenerateKeyPair"), 1);
	list_with_pkcs11_tool(shown, sizeof(shown));
	assert_null(strstr(shown, "once"));
	assert_int_equal(lane_client_stop(&c), EXIT_FINE);
}

#define LIAR(f) cmocka_unit_test_setup_teardown(f, tell_truth, tell_truth)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_signs),
		cmocka_unit_test(account_key_signs_requests_only),
		cmocka_unit_test(certificate_key_signs_its_csr_only),
		cmocka_unit_test(wrong_pin_of_the_key_is_refused),
		cmocka_unit_test(destroyed_is_gone),
		cmocka_unit_test(copy_ends_with_its_key),
		cmocka_unit_test(lists_in_pages),
		cmocka_unit_test(key_born_elsewhere),
		cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(channels_are_served),
		cmocka_unit_test(start_failures_have_their_codes),
		cmocka_unit_test(told_to_end),
		LIAR(wrong_pin_is_tried_once),
		LIAR(low_count_is_allowed_by_option),
		LIAR(last_try_is_not_burnt),
		LIAR(signing_again_does_not_search),
		LIAR(odd_tokens_are_understood),
		LIAR(extractable_keys_are_destroyed),
		LIAR(reduced_template_is_tried),
		LIAR(failures_are_healed),
		LIAR(lane_ends_when_nothing_heals),
	};

	return cmocka_run_group_tests(tests, make_token, remove_token);
}
