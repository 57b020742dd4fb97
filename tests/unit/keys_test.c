/* Named keys over a real store and lanes with keys in memory. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../../broker/base/clock.h"
#include "../../broker/base/log.h"
#include "../../broker/core/key/keys.h"
#include "soft_lane.h"

static struct config_token token = { .name = (char *)"main", .lanes = 2,
	.deadline = 5, .generate_deadline = 60 };
static const struct config config = { .tokens = &token, .ntokens = 1 };

static char folder[64];
static struct store *store;
static struct lanes *lanes;
static struct keys *keys;
static struct soft_box box;
static struct soft_lane soft[2];
static unsigned started;
static struct fault why;

static void
up(unsigned i)
{
	struct lane_token info;

	soft_token_info(&info);
	lanes_up(lanes, "main", i, soft_lane_start(&soft[i], &box, SOFT_WORK),
	    &info);
	started |= 1U << i;
}

static void
down(unsigned i)
{
	fault_set(&why, ERR_CLOSED, "test");
	lanes_down(lanes, "main", i, &why);
	pthread_join(soft[i].thread, NULL);
	started &= ~(1U << i);
}

static int
setup(void **state)
{
	(void)state;
	log_set_level(LOG_LEVEL_ERROR);
	snprintf(folder, sizeof(folder), "/tmp/keys_test.XXXXXX");
	assert_non_null(mkdtemp(folder));
	store = store_open(folder, &why);
	assert_non_null(store);
	soft_box_open(&box);
	lanes = lanes_new(&config, 16);
	keys = keys_new(store, lanes);
	up(0);
	return 0;
}

static int
teardown(void **state)
{
	char *command = xasprintf("rm -rf '%s'", folder);

	(void)state;
	keys_free(keys);
	for (unsigned i = 0; i < 2; i++)
		if ((started >> i & 1) != 0)
			down(i);
	lanes_free(lanes);
	store_close(store);
	soft_box_close(&box);
	assert_int_equal(system(command), 0);
	free(command);
	return 0;
}

static enum err
make(const char *name, enum key_type type, enum verify_mode mode)
{
	return keys_generate(keys, name, "main", PURPOSE_ACCOUNT, type, mode,
	    &why);
}

static enum err
sign(const char *name, enum sig_alg alg, struct signature *sig)
{
	return keys_sign(keys, name, alg, "text", 4, sig, &why);
}

static void
test_every_type_signs(void **state)
{
	static const enum key_type types[] = { KEY_EC_P256, KEY_EC_P384,
		KEY_RSA_2048, KEY_ED25519 };

	(void)state;
	for (size_t i = 0; i < nitems(types); i++) {
		const char *name = key_type_name(types[i]);
		unsigned char spki[SPKI_MAX];
		struct signature sig;
		enum key_type type;
		EVP_PKEY *public;
		size_t n;

		assert_int_equal(make(name, types[i], VERIFY_ALWAYS), OK);
		assert_int_equal(keys_public(keys, name, spki, &n, &type,
		    &why), OK);
		assert_int_equal(type, types[i]);
		assert_int_equal(sign(name, alg_default(type), &sig), OK);
		assert_true(sig.verified);
		assert_int_equal(sig.times.token, 47);
		public = spki_read(spki, n, &why);
		assert_int_equal(signature_verify(public, alg_default(type),
		    "text", 4, sig.bytes, sig.n, &why), OK);
		EVP_PKEY_free(public);
	}
	assert_int_equal(make("rsa", KEY_RSA_2048, VERIFY_ALWAYS), OK);
	assert_int_equal(sign("rsa", ALG_PS256, &(struct signature){ 0 }), OK);
	assert_int_equal(sign("rsa", ALG_ES256, &(struct signature){ 0 }),
	    ERR_UNSUPPORTED);
}

static void
test_names(void **state)
{
	struct signature sig;

	(void)state;
	assert_int_equal(sign("none", ALG_ES256, &sig), ERR_NOT_FOUND);
	assert_int_equal(make("one", KEY_EC_P256, VERIFY_ALWAYS), OK);
	assert_int_equal(make("one", KEY_EC_P256, VERIFY_ALWAYS),
	    ERR_CONFLICT);
	assert_int_equal(box.generated, 1);
	assert_int_equal(keys_generate(keys, "two", "other", PURPOSE_ACCOUNT,
	    KEY_EC_P256, VERIFY_ALWAYS, &why), ERR_NOT_FOUND);
}

/* The lane makes the key, and the core is gone before it hears of it. */
static void
test_orphan_is_adopted(void **state)
{
	struct key_row row = { .name = "lost", .token = "main",
		.purpose = PURPOSE_ACCOUNT, .type = KEY_EC_P256,
		.state = KEY_GENERATING };
	unsigned i;

	(void)state;
	for (i = 0; i < 5; i++)
		soft_box_add(&box, EVP_EC_gen("P-256"), PURPOSE_ACCOUNT,
		    "another");
	assert_int_equal(store_key_put(store, &row, &why), OK);
	assert_int_equal(sign("lost", ALG_ES256, &(struct signature){ 0 }),
	    ERR_CONFLICT);
	i = soft_box_add(&box, EVP_EC_gen("P-256"), PURPOSE_ACCOUNT, "lost");
	assert_int_equal(make("lost", KEY_EC_P384, VERIFY_ALWAYS),
	    ERR_CONFLICT);
	assert_int_equal(make("lost", KEY_EC_P256, VERIFY_ALWAYS), OK);
	assert_int_equal(box.generated, 0);
	assert_int_equal(store_key_get(store, "lost", &row, &why), OK);
	assert_int_equal(row.state, KEY_ACTIVE);
	assert_memory_equal(row.id, box.keys[i].key.id, row.idlen);
	assert_int_equal(sign("lost", ALG_ES256, &(struct signature){ 0 }),
	    OK);
}

static void
test_one_of_two_orphans_is_taken(void **state)
{
	struct key_row row = { .name = "lost", .token = "main",
		.purpose = PURPOSE_ACCOUNT, .type = KEY_EC_P256,
		.state = KEY_GENERATING };

	(void)state;
	assert_int_equal(store_key_put(store, &row, &why), OK);
	for (unsigned i = 0; i < 2; i++)
		soft_box_add(&box, EVP_EC_gen("P-256"), PURPOSE_ACCOUNT,
		    "lost");
	assert_int_equal(make("lost", KEY_EC_P256, VERIFY_ALWAYS), OK);
	assert_int_equal(box.generated, 0);
}

/* No key was made before the crash. */
static void
test_begun_and_not_made(void **state)
{
	struct key_row row = { .name = "lost", .token = "main",
		.purpose = PURPOSE_ACCOUNT, .type = KEY_EC_P256,
		.state = KEY_GENERATING };

	(void)state;
	assert_int_equal(store_key_put(store, &row, &why), OK);
	assert_int_equal(make("lost", KEY_EC_P256, VERIFY_ALWAYS), OK);
	assert_int_equal(box.generated, 1);
}

static void
test_wrong_signature_never_leaves(void **state)
{
	struct signature sig;

	(void)state;
	assert_int_equal(make("always", KEY_EC_P256, VERIFY_ALWAYS), OK);
	assert_int_equal(make("sample", KEY_EC_P256, VERIFY_SAMPLE), OK);
	box.corrupt = true;
	assert_int_equal(sign("always", ALG_ES256, &sig), ERR_SIGNATURE);
	assert_int_equal(sig.n, 0);
	assert_int_equal(sign("sample", ALG_ES256, &sig), ERR_SIGNATURE);
	assert_int_equal(sign("sample", ALG_ES256, &sig), ERR_SIGNATURE);
	box.corrupt = false;
	assert_int_equal(sign("sample", ALG_ES256, &sig), OK);
	assert_true(sig.verified);
}

/* A token that was wrong once is asked once more. */
static void
test_wrong_signature_is_made_again(void **state)
{
	struct signature sig;
	unsigned before;

	(void)state;
	assert_int_equal(make("once", KEY_EC_P256, VERIFY_ALWAYS), OK);
	before = box.signatures;
	box.corrupt_once = true;
	assert_int_equal(sign("once", ALG_ES256, &sig), OK);
	assert_true(sig.verified);
	assert_int_equal(box.signatures, before + 2);
}

/* Verified: the first of each connection, and one in a thousand, whatever
 * fails in between. */
static void
test_sampling(void **state)
{
	unsigned verified = 0;
	struct signature sig;

	(void)state;
	assert_int_equal(make("s", KEY_ED25519, VERIFY_SAMPLE), OK);
	for (unsigned i = 0; i < 2500; i++) {
		assert_int_equal(sign("s", ALG_EDDSA, &sig), OK);
		verified += sig.verified;
		if (i == 0)
			assert_true(sig.verified);
		if (i % 100 == 50) {
			soft[0].mode = SOFT_REFUSE;
			assert_int_equal(sign("s", ALG_EDDSA, &sig),
			    ERR_SHAPE);
			soft[0].mode = SOFT_WORK;
		}
	}
	assert_int_equal(verified, 3);
	up(1);
	assert_int_equal(sign("s", ALG_EDDSA, &sig), OK);
	assert_true(sig.verified);
	assert_int_equal(sign("s", ALG_EDDSA, &sig), OK);
	assert_false(sig.verified);
	box.corrupt = true;
	verified = 0;
	while (verified < 1000 && sign("s", ALG_EDDSA, &sig) == OK)
		verified++;
	assert_in_range(verified, 400, 600); /* until the 3000th */
	assert_int_equal(sign("s", ALG_EDDSA, &sig), ERR_SIGNATURE);
}

static void
test_retire_and_destroy(void **state)
{
	struct signature sig;
	struct key_row row;

	(void)state;
	assert_int_equal(make("old", KEY_EC_P256, VERIFY_ALWAYS), OK);
	assert_int_equal(sign("old", ALG_ES256, &sig), OK);
	assert_int_equal(keys_destroy(keys, "old", &why), ERR_CONFLICT);
	assert_int_equal(keys_retire(keys, "old", 1000, &why), OK);
	assert_int_equal(keys_retire(keys, "old", 1000, &why), ERR_CONFLICT);
	assert_int_equal(sign("old", ALG_ES256, &sig), ERR_CONFLICT);
	keys_sweep(keys, clock_now() + 900, NULL);
	assert_int_equal(store_key_get(store, "old", &row, &why), OK);
	assert_int_equal(row.state, KEY_RETIRED);
	keys_sweep(keys, clock_now() + 1001, NULL);
	assert_int_equal(store_key_get(store, "old", &row, &why), OK);
	assert_int_equal(row.state, KEY_DESTROYED);
	assert_null(box.keys[0].pkey);
	assert_int_equal(make("old", KEY_EC_P256, VERIFY_ALWAYS),
	    ERR_CONFLICT);
}

/* A retirement that is rolled back did not happen. */
static void
test_retire_rolled_back(void **state)
{
	struct signature sig;

	(void)state;
	assert_int_equal(make("k", KEY_EC_P256, VERIFY_ALWAYS), OK);
	assert_int_equal(store_begin(store, &why), OK);
	assert_int_equal(keys_retire(keys, "k", 0, &why), OK);
	store_rollback(store);
	assert_int_equal(sign("k", ALG_ES256, &sig), OK);
}

static void
test_adopt(void **state)
{
	struct config_foreign_key foreign = { .name = (char *)"born",
		.purpose = PURPOSE_ACCOUNT, .pinned = true };
	struct lane_key *key;
	struct signature sig;
	unsigned char id[CKA_ID_MAX];
	size_t n;

	(void)state;
	key = &box.keys[soft_box_add(&box, EVP_EC_gen("P-256"),
	    PURPOSE_ACCOUNT, "born")].key;
	n = (size_t)snprintf((char *)id, sizeof(id), "name:born");
	memcpy(key->id, id, n); /* as a lane names it */
	key->idlen = n;
	assert_int_equal(keys_adopt(keys, "mine", "main", &foreign,
	    VERIFY_ALWAYS, &why), ERR_KEY);
	sha256(foreign.spki_sha256, key->spki, key->spkilen);
	assert_int_equal(keys_adopt(keys, "mine", "main", &foreign,
	    VERIFY_ALWAYS, &why), OK);
	assert_int_equal(sign("mine", ALG_ES256, &sig), OK);
	assert_int_equal(keys_adopt(keys, "mine", "main", &foreign,
	    VERIFY_ALWAYS, &why), OK);
	assert_int_equal(sign("mine", ALG_ES256, &sig), OK);
	/* not under a second name, whatever for */
	assert_int_equal(keys_adopt(keys, "twin", "main", &foreign,
	    VERIFY_ALWAYS, &why), ERR_CONFLICT);
	foreign.purpose = PURPOSE_CERTIFICATE;
	assert_int_equal(keys_adopt(keys, "mine", "main", &foreign,
	    VERIFY_ALWAYS, &why), ERR_KEY);
	assert_int_equal(keys_adopt(keys, "none", "main", NULL,
	    VERIFY_ALWAYS, &why), ERR_NOT_FOUND);
	assert_int_equal(keys_retire(keys, "mine", 0, &why), OK);
	assert_int_equal(keys_destroy(keys, "mine", &why), ERR_CONFLICT);
	keys_sweep(keys, clock_now() + 10, NULL);
	assert_non_null(box.keys[0].pkey);
}

static void
test_uri(void **state)
{
	struct key_row row;
	char expected[256] = "pkcs11:token=soft%20token;serial=0123abcd;id=";
	char *uri;

	(void)state;
	assert_int_equal(make("k.1", KEY_EC_P256, VERIFY_ALWAYS), OK);
	assert_int_equal(store_key_get(store, "k.1", &row, &why), OK);
	for (size_t i = 0; i < row.idlen; i++)
		snprintf(expected + strlen(expected), 4, "%%%02X", row.id[i]);
	strcat(expected, ";object=kb1:account:k.1;type=private");
	uri = keys_uri(keys, "k.1");
	assert_string_equal(uri, expected);
	free(uri);
	assert_null(keys_uri(keys, "none"));
}

static void *
sign_many(void *arg)
{
	struct signature sig;
	atomic_uint *good = arg;
	struct fault own;

	for (unsigned i = 0; i < 300; i++)
		if (keys_sign(keys, "shared", ALG_ES256, "text", 4, &sig,
		    &own) == OK)
			(*good)++;
		else if (own.code != ERR_CONFLICT)
			fail();
	return NULL;
}

static void
test_retire_while_others_sign(void **state)
{
	atomic_uint good = 0;
	pthread_t threads[4];

	(void)state;
	up(1);
	assert_int_equal(make("shared", KEY_EC_P256, VERIFY_ALWAYS), OK);
	for (unsigned i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, sign_many, &good);
	while (good < 100)
		usleep(100);
	assert_int_equal(keys_retire(keys, "shared", 0, &why), OK);
	assert_int_equal(sign("shared", ALG_ES256, &(struct signature){ 0 }),
	    ERR_CONFLICT);
	for (unsigned i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	assert_in_range(good, 100, 1199);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_every_type_signs), TEST(test_names),
		TEST(test_orphan_is_adopted),
		TEST(test_one_of_two_orphans_is_taken),
		TEST(test_begun_and_not_made),
		TEST(test_wrong_signature_never_leaves),
		TEST(test_wrong_signature_is_made_again), TEST(test_sampling),
		TEST(test_retire_and_destroy), TEST(test_retire_rolled_back),
		TEST(test_adopt), TEST(test_uri),
		TEST(test_retire_while_others_sign),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
