/*
 * A CA that shows a few things at its URLs, as far as the core can tell: a
 * thread that takes the issuer's tasks and reports what was put there.  And
 * the requests and certificates that go to such a CA.  After small_core.h.
 */
#ifndef TESTS_ACME_CA_H
#define TESTS_ACME_CA_H

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "../../broker/base/b64.h"

#define CA_SHOWN 100

static struct {
	pthread_mutex_t lock;
	pthread_t thread;
	struct { const char *url; char *facts; } shown[CA_SHOWN];
	size_t n;
	atomic_bool stop;
	atomic_uint looks, tasks;
} ca = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* ------------------------------------------------------------ what it shows */

/* facts: what the issuer would report; NULL: nothing any more. */
static inline void
ca_show(const char *url, const char *facts)
{
	size_t i;

	pthread_mutex_lock(&ca.lock);
	for (i = 0; i < ca.n; i++)
		if (strcmp(ca.shown[i].url, url) == 0)
			break;
	if (i == CA_SHOWN)
		abort();
	if (i == ca.n)
		ca.n++;
	free(ca.shown[i].facts);
	ca.shown[i].url = url;
	ca.shown[i].facts = facts != NULL ? xstrdup(facts) : NULL;
	pthread_mutex_unlock(&ca.lock);
}

static inline char *
ca_facts(const char *url)
{
	char *facts = NULL;

	pthread_mutex_lock(&ca.lock);
	for (size_t i = 0; i < ca.n; i++)
		if (strcmp(ca.shown[i].url, url) == 0 &&
		    ca.shown[i].facts != NULL)
			facts = xstrdup(ca.shown[i].facts);
	pthread_mutex_unlock(&ca.lock);
	return facts;
}

/* An order of names by spaces, with the tail of its URLs. */
static inline void
ca_show_order(const char *url, const char *names, const char *tail)
{
	struct buf text;

	buf_init(&text, 10000);
	buf_puts(&text, "{\"kind\":\"order\",\"status\":\"pending\","
	    "\"identifiers\":[");
	for (const char *p = names; *p != '\0';) {
		size_t n = strcspn(p, " ");

		buf_putf(&text, "%s{\"type\":\"%s\",\"value\":\"%.*s\"}",
		    p != names ? "," : "", strspn(p, "0123456789.:") == n ?
		    "ip" : "dns", (int)n, p);
		p += n + (p[n] == ' ');
	}
	buf_putf(&text, "],\"authorizations\":[\"https://ca.test/authz/%s\"],"
	    "\"finalize\":\"https://ca.test/finalize/%s\"}", tail, tail);
	ca_show(url, buf_str(&text));
	buf_free(&text);
}

static inline void
ca_show_authorization(const char *url, const char *name, bool wildcard,
    const char *tail)
{
	char *text = xasprintf("{\"kind\":\"authorization\",\"status\":"
	    "\"pending\",\"identifier\":{\"type\":\"%s\",\"value\":\"%s\"},%s"
	    "\"challenges\":[{\"type\":\"http-01\",\"url\":"
	    "\"https://ca.test/challenge/%s\",\"status\":\"pending\","
	    "\"token\":\"abc\"}]}", strspn(name, "0123456789.:") ==
	    strlen(name) ? "ip" : "dns", name,
	    wildcard ? "\"wildcard\":true," : "", tail);

	ca_show(url, text);
	free(text);
}

static inline void
ca_show_chain(const char *url, const char *pem)
{
	struct json_writer w;
	struct buf text;

	buf_init(&text, 100000);
	json_write_start(&w, &text);
	json_open_object(&w, NULL);
	json_put_string(&w, "kind", "certificate");
	json_put_string(&w, "pem", pem);
	json_close_object(&w);
	ca_show(url, buf_str(&text));
	buf_free(&text);
}

/* ------------------------------------------------------------- the issuer */

static inline void
ca_report(int64_t task, const char *text)
{
	struct json *report;
	struct fault why;

	report = json_parse(text, strlen(text), &why);
	if (report == NULL)
		abort();
	(void)engine_result(core.engine, task, report, &why);
	json_free(report);
}

static inline void
ca_look(int64_t task, const char *url)
{
	char *facts = ca_facts(url), *text;
	struct fault why;
	struct buf jws;

	ca.looks++;
	buf_init(&jws, 100000);
	if (engine_jws(core.engine, task, url, "bG9vaw", &jws, &why) != OK)
		abort();
	buf_free(&jws);
	text = facts != NULL ? xasprintf("{\"task\":%lld,\"outcome\":\"ok\","
	    "\"status\":200,\"facts\":%s}", (long long)task, facts) :
	    xasprintf("{\"task\":%lld,\"outcome\":\"problem\",\"status\":404,"
	    "\"problem\":{\"type\":\"urn:ietf:params:acme:error:malformed\","
	    "\"detail\":\"nothing there\"}}", (long long)task);
	ca_report(task, text);
	free(text);
	free(facts);
}

static inline void *
ca_run(void *arg)
{
	struct fault why;
	struct buf out;

	buf_init(&out, 100000);
	while (!ca.stop) {
		struct json *task;
		int64_t id;

		buf_reset(&out);
		if (engine_next(core.engine, engine_issuer(core.engine), 50,
			&out, &why) != OK)
			break;
		task = json_parse(buf_str(&out), out.len, &why);
		if (json_get_int(task, "task", &id)) {
			char text[100];

			ca.tasks++;
			snprintf(text, sizeof(text), "{\"task\":%lld,"
			    "\"outcome\":\"network\",\"sent\":false}",
			    (long long)id);
			if (strcmp(json_get_string(task, "step"),
			    "look") == 0)
				ca_look(id, json_get_string(task, "url"));
			else
				ca_report(id, text);
		}
		json_free(task);
	}
	buf_free(&out);
	return arg;
}

static inline void
ca_open(void)
{
	if (pthread_create(&ca.thread, NULL, ca_run, NULL) != 0)
		abort();
}

static inline void
ca_close(void)
{
	ca.stop = true;
	pthread_join(ca.thread, NULL);
	for (size_t i = 0; i < ca.n; i++)
		free(ca.shown[i].facts);
}

/* -------------------------------------------------------------------- DER */

/* What a CSR or a certificate has, each NULL for none. */
struct der_wish {
	EVP_PKEY *key;
	const char *cn;	     /* common name */
	const char *san;     /* as openssl-x509v3_config(5) has it */
	const char *other;   /* "OID or name=value" of a further extension */
	const char *organisation;
	EVP_PKEY *signer;    /* key unless given */
};

static inline X509_NAME *
der_subject(const struct der_wish *w)
{
	X509_NAME *name = X509_NAME_new();

	if (w->organisation != NULL)
		X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8,
		    (const unsigned char *)w->organisation, -1, -1, 0);
	if (w->cn != NULL)
		X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
		    (const unsigned char *)w->cn, -1, -1, 0);
	return name;
}

static inline void
der_extend(STACK_OF(X509_EXTENSION) * *all, const char *name, const char *value)
{
	X509_EXTENSION *x = X509V3_EXT_conf(NULL, NULL, name, value);

	if (x == NULL || X509v3_add_ext(all, x, -1) == NULL)
		abort();
	X509_EXTENSION_free(x);
}

static inline char *
der_text(unsigned char *der, int n)
{
	char *text = b64_encode(der, (size_t)n);

	OPENSSL_free(der);
	return text;
}

/* A CSR in base64url, owned. */
static inline char *
csr_text(const struct der_wish *w)
{
	STACK_OF(X509_EXTENSION) *all = NULL;
	X509_REQ *req = X509_REQ_new();
	X509_NAME *name = der_subject(w);
	unsigned char *der = NULL;
	int n;

	if (w->san != NULL)
		der_extend(&all, "subjectAltName", w->san);
	if (w->other != NULL) {
		char *copy = xstrdup(w->other), *value = strchr(copy, '=');

		*value++ = '\0';
		der_extend(&all, copy, value);
		free(copy);
	}
	X509_REQ_set_version(req, 0);
	X509_REQ_set_subject_name(req, name);
	X509_REQ_set_pubkey(req, w->key);
	if (all != NULL)
		X509_REQ_add_extensions(req, all);
	if (X509_REQ_sign(req, w->signer != NULL ? w->signer : w->key,
	    EVP_sha256()) <= 0)
		abort();
	n = i2d_X509_REQ(req, &der);
	X509_NAME_free(name);
	X509_REQ_free(req);
	sk_X509_EXTENSION_pop_free(all, X509_EXTENSION_free);
	return der_text(der, n);
}

static inline X509 *
certificate_make(const struct der_wish *w, long serial)
{
	X509 *x = X509_new();
	X509_NAME *name = der_subject(w);
	X509_EXTENSION *san = X509V3_EXT_conf(NULL, NULL, "subjectAltName",
	    w->san), *skid, *akid;
	X509V3_CTX ctx;

	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), serial);
	X509_set_subject_name(x, name);
	X509_set_issuer_name(x, name);
	X509_gmtime_adj(X509_getm_notBefore(x), -60);
	X509_gmtime_adj(X509_getm_notAfter(x), 86400);
	X509_set_pubkey(x, w->key);
	X509_add_ext(x, san, -1);
	X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
	skid = X509V3_EXT_conf(NULL, &ctx, "subjectKeyIdentifier", "hash");
	X509_add_ext(x, skid, -1);
	akid = X509V3_EXT_conf(NULL, &ctx, "authorityKeyIdentifier",
	    "keyid:always");
	X509_add_ext(x, akid, -1);
	X509_sign(x, w->signer != NULL ? w->signer : w->key, EVP_sha256());
	X509_EXTENSION_free(san);
	X509_EXTENSION_free(skid);
	X509_EXTENSION_free(akid);
	X509_NAME_free(name);
	return x;
}

static inline char *
certificate_text(X509 *x)
{
	unsigned char *der = NULL;
	int n = i2d_X509(x, &der);

	return der_text(der, n);
}

static inline char *
certificate_pem(X509 *x)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *p, *copy;
	long n;

	PEM_write_bio_X509(bio, x);
	n = BIO_get_mem_data(bio, &p);
	copy = xstrndup(p, (size_t)n);
	BIO_free(bio);
	return copy;
}

#endif
