/*
 * What other ACME clients may have signed, and what they may not: a table of
 * requests, each with its answer, from the bytes of the body through the
 * server's exchange, the gate, policy and the CA that is asked whose a URL
 * is, to the signature.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#define SMALL_MORE                                                            \
	"tenant \"mail\" { uid 50 }\n"                                        \
	"tenant \"reader\" { uid 80 }\n"                                      \
	"allow \"web\" { operations acme.read acme.find acme.order"           \
	"  acme.authorize acme.answer acme.deactivate acme.finalize"          \
	"  acme.revoke acme.update names \".web.test\" \"*.web.test\""        \
	"  \"web.test\" \"x.shared.test\" ips \"192.0.2.0/24\""               \
	"  \"2001:db8::/32\" accounts \"main\" }\n"                           \
	"deny \"web\" { operations acme.order profiles \"long*\" }\n"         \
	"deny \"web\" { operations acme.order names \"secret.web.test\" }\n"  \
	"allow \"mail\" { operations acme.* names \".mail.test\""             \
	"  \"x.shared.test\" accounts \"main\" }\n"                           \
	"allow \"ops\" { operations key.request names \"*\" ips \"*\" }\n"    \
	"allow \"reader\" { operations acme.read accounts \"main\" }\n"       \
	"allow \"*\" { operations acme.read acme.order acme.finalize"         \
	"  names \".guest.test\" }\n"

#include "../../api/server/exchange.h"
#include "../../broker/core/acme/sign.h"
#include "../../broker/core/acme/proof.h"
#include "small_core.h"
#include "acme_ca.h"

#define WEB    20
#define MAIL   50
#define READER 80
#define GUEST  90 /* of no tenant, nor is the other one */
#define OTHER  91

#define CA	"https://ca.test/"
#define KID	CA "account/1"
#define NEW	CA "new-order"
#define AUTHZ	CA "new-authz"
#define REVOKE	CA "revoke"

static const struct route routes[] = {
#define X(id, method, path, query)                                            \
	{ #id, method, path, query, handle_##id },
	ROUTES(X)
#undef X
};

struct heard {
	unsigned status;
	char *text;
	struct json *json;
};

static struct exchange *ex;

/* A request as bytes. */
static struct heard
send_bytes(uint32_t uid, const char *target, const char *body, size_t n)
{
	struct heard h;
	struct fault why;

	ex->peer = (struct peer){ .uid = uid, .gid = uid, .pid = 9,
		.listener = "api" };
	exchange_start(ex, target);
	strcpy(ex->method, "POST");
	buf_put(&ex->body, body, n);
	if (ex->body.failed) {
		fault_set(&why, ERR_LIMIT, "the body is too large");
		exchange_refuse(ex, &why);
	} else {
		exchange_serve(ex);
	}
	h.status = ex->reply.status;
	h.text = xstrdup(buf_str(&ex->reply.body));
	h.json = json_parse(h.text, strlen(h.text), &why);
	ex->body.failed = false;
	exchange_end(ex);
	return h;
}

static void
heard_free(struct heard *h)
{
	json_free(h->json);
	free(h->text);
}

static struct heard
ask_jws(uint32_t uid, const char *url, const char *payload)
{
	char *body = payload == NULL ?
	    xasprintf("{\"url\":\"%s\",\"nonce\":\"bm9uY2U\"}", url) :
	    xasprintf("{\"url\":\"%s\",\"nonce\":\"bm9uY2U\",\"payload\":%s}",
	    url, payload);
	struct heard h = send_bytes(uid, "/v1/accounts/main/jws", body,
	    strlen(body));

	free(body);
	return h;
}

/* ------------------------------------------------------- texts with a name */

static struct {
	char name[32];
	char *text;
} texts[64];
static size_t ntexts;

static void
name_text(const char *name, char *text)
{
	if (ntexts == nitems(texts))
		abort();
	snprintf(texts[ntexts].name, sizeof(texts[0].name), "%s", name);
	texts[ntexts++].text = text;
}

/* "$name" becomes the text of that name; owned. */
static char *
expand(const char *s)
{
	struct buf out;

	buf_init(&out, 200000);
	while (*s != '\0') {
		size_t i, n;

		if (*s != '$') {
			buf_putc(&out, (unsigned char)*s++);
			continue;
		}
		n = strspn(++s, "abcdefghijklmnopqrstuvwxyz-");
		for (i = 0; i < ntexts; i++)
			if (strlen(texts[i].name) == n &&
			    memcmp(texts[i].name, s, n) == 0)
				break;
		if (i == ntexts)
			fail_msg("no text %s", s);
		buf_puts(&out, texts[i].text);
		s += n;
	}
	return (char *)buf_take(&out, NULL);
}

/* ---------------------------------------------------------------- the keys */

static EVP_PKEY *web_key, *mail_key, *other_key;

static EVP_PKEY *
box_key(const char *name)
{
	EVP_PKEY *key = NULL;

	pthread_mutex_lock(&small_box.lock);
	for (size_t i = 0; i < SOFT_KEYS; i++)
		if (small_box.keys[i].pkey != NULL &&
		    strcmp(small_box.keys[i].key.name, name) == 0)
			key = small_box.keys[i].pkey;
	pthread_mutex_unlock(&small_box.lock);
	if (key == NULL)
		abort();
	return key;
}

static void
name_csr(const char *name, struct der_wish w)
{
	name_text(name, csr_text(&w));
}

static char *
many_identifiers(unsigned n)
{
	struct buf out;

	buf_init(&out, 20000);
	for (unsigned i = 0; i < n; i++)
		buf_putf(&out, "%s{\"type\":\"dns\",\"value\":"
		    "\"n%u.web.test\"}", i > 0 ? "," : "", i);
	return (char *)buf_take(&out, NULL);
}

static void
make_csrs(void)
{
	EVP_PKEY *account = box_key("account-main");

	name_csr("a", (struct der_wish){ web_key, "a.web.test",
		"DNS:a.web.test", NULL, NULL, NULL });
	name_csr("a-again", (struct der_wish){ other_key, NULL,
		"DNS:a.web.test", NULL, NULL, NULL });
	name_csr("extra", (struct der_wish){ web_key, NULL,
		"DNS:b.web.test,DNS:c.web.test", NULL, NULL, NULL });
	name_csr("b", (struct der_wish){ web_key, NULL, "DNS:b.web.test",
		"1.3.6.1.5.5.7.1.24=DER:30:03:02:01:05", NULL, NULL });
	name_csr("cn-extra", (struct der_wish){ web_key, "c.web.test",
		"DNS:b.web.test", NULL, NULL, NULL });
	name_csr("nul", (struct der_wish){ web_key, NULL,
		"DNS:b.web.test\\00.evil", NULL, NULL, NULL });
	name_csr("upper", (struct der_wish){ web_key, NULL,
		"DNS:B.web.test", NULL, NULL, NULL });
	name_csr("account-key", (struct der_wish){ account, NULL,
		"DNS:b.web.test", NULL, NULL, NULL });
	name_csr("unsigned", (struct der_wish){ web_key, NULL,
		"DNS:b.web.test", NULL, NULL, other_key });
	name_csr("organisation", (struct der_wish){ web_key, NULL,
		"DNS:b.web.test", NULL, "Evil Ltd", NULL });
	name_csr("ca", (struct der_wish){ web_key, NULL, "DNS:b.web.test",
		"basicConstraints=CA:TRUE", NULL, NULL });
	name_csr("policy",
	    (struct der_wish){ web_key, NULL, "DNS:b.web.test",
		"2.5.29.32=DER:30:07:30:05:06:03:2a:03:04", NULL, NULL });
	name_csr("mail-address", (struct der_wish){ web_key, NULL,
		"DNS:b.web.test,email:x@b.web.test", NULL, NULL, NULL });
	name_csr("uri", (struct der_wish){ web_key, NULL,
		"DNS:b.web.test,URI:https://b.web.test/", NULL, NULL, NULL });
	name_csr("nameless", (struct der_wish){ web_key, NULL, NULL, NULL,
		NULL, NULL });
	name_csr("m", (struct der_wish){ mail_key, "m.mail.test", NULL, NULL,
		NULL, NULL });
	name_csr("ip", (struct der_wish){ web_key, NULL, "IP:192.0.2.7",
		NULL, NULL, NULL });
	name_csr("guest",
	    (struct der_wish){
		other_key, NULL, "DNS:a.guest.test", NULL, NULL, NULL });
	name_csr("own",
	    (struct der_wish){ box_key("web-own"), NULL, "DNS:own.web.test",
		NULL, NULL, NULL });
}

static void
make_certificates(void)
{
	X509 *web = certificate_make(
	    &(struct der_wish){
		web_key, NULL, "DNS:a.web.test", NULL, NULL, other_key },
	    77);
	X509 *mail = certificate_make(
	    &(struct der_wish){
		mail_key, NULL, "DNS:m.mail.test", NULL, NULL, other_key },
	    78);
	X509 *declared = certificate_make(&(struct der_wish){
		box_key("ops-declared"), NULL, "DNS:d.web.test", NULL, NULL,
		other_key }, 80);
	X509 *own = certificate_make(&(struct der_wish){
		box_key("configured-1"), NULL, "DNS:own.web.test", NULL, NULL,
		other_key }, 79);
	char *pem;

	name_text("cert-web", certificate_text(web));
	name_text("cert-mail", certificate_text(mail));
	name_text("cert-managed", certificate_text(own));
	name_text("cert-declared", certificate_text(declared));
	pem = certificate_pem(web);
	ca_show_chain(CA "cert/a", pem);
	free(pem);
	pem = certificate_pem(mail);
	ca_show_chain(CA "cert/m", pem);
	free(pem);
	X509_free(web);
	X509_free(mail);
	X509_free(own);
	X509_free(declared);
}

/* What the CA has at its URLs. */
static void
make_world(void)
{
	ca_show_order(CA "order/a", "a.web.test", "a");
	ca_show_order(CA "order/b", "b.web.test *.b.web.test", "b");
	ca_show_order(CA "order/m", "m.mail.test", "m");
	ca_show_order(CA "order/wide", "a.web.test evil.test", "wide");
	ca_show_order(CA "order/x", "x.shared.test", "x");
	ca_show_order(CA "order/ip", "192.0.2.7", "ip");
	ca_show_order(CA "order/guest", "a.guest.test", "guest");
	ca_show_authorization(CA "authz/a", "a.web.test", false, "a");
	ca_show_authorization(CA "authz/b", "b.web.test", false, "b");
	ca_show_authorization(CA "authz/star", "b.web.test", true, "star");
	ca_show_authorization(CA "authz/wild-only", "web.test", true, "wo");
	ca_show_authorization(CA "authz/m", "m.mail.test", false, "m");
	ca_show_authorization(CA "authz/x", "x.shared.test", false, "x");
	ca_show_authorization(CA "authz/ip", "192.0.2.7", false, "ip");
	ca_show_authorization(CA "authz/evil", "evil.test", false, "evil");
	ca_show_authorization(CA "authz/pre", "pre.web.test", false, "pre");
	ca_show(CA "challenge/pre", "{\"kind\":\"challenge\",\"up\":\""
	    CA "authz/pre\"}");
	ca_show(CA "challenge/lost", "{\"kind\":\"challenge\"}");
	ca_show(CA "challenge/liar", "{\"kind\":\"challenge\",\"up\":\""
	    CA "authz/a\"}");
	ca_show(CA "challenge/far", "{\"kind\":\"challenge\",\"up\":"
	    "\"https://evil.test/authz\"}");
	ca_show(CA "challenge/mail", "{\"kind\":\"challenge\",\"up\":\""
	    CA "authz/m\"}");
	ca_show(CA "orders/1", "{\"kind\":\"other\"}");
	ca_show(CA "account/2", "{\"kind\":\"other\"}");
}

/* ---------------------------------------------------------------- the table */

#define DNS(name)   "{\"type\":\"dns\",\"value\":\"" name "\"}"
#define IP(address) "{\"type\":\"ip\",\"value\":\"" address "\"}"
#define ORDER(list) "{\"identifiers\":[" list "]}"
#define ORDER_WITH(list, more) "{\"identifiers\":[" list "]," more "}"

static const struct row {
	uint32_t uid;
	const char *url, *payload; /* NULL: POST-as-GET */
	unsigned status;
	const char *words; /* in the answer */
} table[] = {
	/* Reading, before there is anything. */
	{ WEB, KID, NULL, 200, "signature" },
	{ READER, KID, NULL, 200, "signature" },
	{ UID_NOBODY, KID, NULL, 200, "signature" },
	{ WEB, CA "order/a", NULL, 403, "none of what this client's orders" },
	{ WEB, CA "authz/a", NULL, 403, "none of what" },
	{ WEB, CA "challenge/a", NULL, 403, "none of what" },
	{ WEB, CA "cert/a", NULL, 403, "none of what" },
	{ WEB, CA "nowhere", NULL, 403, "none of what" },
	{ WEB, CA "orders/1", NULL, 403, "none of what" },
	{ WEB, CA "account/2", NULL, 403, "none of what" },
	{ WEB, CA "order/a", "\"\"", 400, "leave it out" },
	{ WEB, CA "order/a", "null", 400, "leave it out" },
	{ WEB, CA "order/a", "[]", 400, "not an object" },
	{ WEB, CA "order/a", "[{}]", 400, "not an object" },
	{ WEB, CA "order/a", "0", 400, "not an object" },

	/* URLs that are none, or not the CA's. */
	{ WEB, "http://ca.test/account/1", NULL, 400, "not https" },
	{ WEB, "https://ca.test@evil.test/order", NULL, 400, "user" },
	{ WEB, "https://u:p@ca.test/account/1", NULL, 400, "user" },
	{ WEB, "https://evil.test/order/1", NULL, 403, "not at the account" },
	{ WEB, "https://ca.test.evil.test/o", NULL, 403, "not at the" },
	{ WEB, "https://ca.test:8443/account/1", NULL, 403, "not at the" },
	{ WEB, "https://CA.test/account/1", NULL, 403, "not at the" },
	{ WEB, "https://ca.test./account/1", NULL, 403, "not at the" },
	{ WEB, "https://ca.test/account/1#x", NULL, 400, "byte" },
	{ WEB, "https://ca.test/a b", NULL, 400, "byte" },
	{ WEB, "https://ca.test/a\\u0000", NULL, 400, "NUL" },
	{ WEB, "https://ca.test/\\u00e9", NULL, 400, "byte" },
	{ WEB, "", NULL, 400, "https" },
	{ WEB, KID "/", NULL, 403, "another spelling" },
	{ WEB, KID "?x=1", NULL, 403, "another spelling" },
	{ WEB, CA "ACCOUNT/1", NULL, 403, "another spelling" },
	{ WEB, KID "//", "{\"status\":\"deactivated\"}", 403, "spelling" },
	{ WEB, KID "?", "{\"contact\":[]}", 403, "another spelling" },
	{ WEB, NEW "/", ORDER(DNS("a.web.test")), 403, "another spelling" },

	/* What the directory has. */
	{ WEB, CA "directory", NULL, 403, "read without a signature" },
	{ WEB, CA "nonce", NULL, 403, "read without a signature" },
	{ WEB, CA "ari", NULL, 403, "read without a signature" },
	{ WEB, NEW, NULL, 403, "no payload at newOrder" },
	{ WEB, NEW, "{}", 403, "empty payload at newOrder" },
	{ WEB, CA "new-account", NULL, 403, "made by the broker" },

	/* The account: found, its contacts changed, and no more. */
	{ WEB, CA "new-account", "{\"onlyReturnExisting\":true}", 200, "" },
	{ WEB, CA "new-account", "{\"onlyReturnExisting\":false}", 403,
	    "made by the broker" },
	{ WEB, CA "new-account", "{\"onlyReturnExisting\":\"true\"}", 403,
	    "made by the broker" },
	{ WEB, CA "new-account",
	    "{\"onlyReturnExisting\":true,"
	    "\"contact\":[]}",
	    403, "contact\\\" is not signed" },
	{ WEB, CA "new-account", "{\"termsOfServiceAgreed\":true}", 403,
	    "made by the broker" },
	{ WEB, CA "new-account",
	    "{\"termsOfServiceAgreed\":true,"
	    "\"externalAccountBinding\":{}}",
	    403, "made by the broker" },
	{ READER, CA "new-account", "{\"onlyReturnExisting\":true}", 403,
	    "acme.find" },
	{ WEB, KID, "{\"contact\":[\"mailto:a@web.test\"]}", 200, "" },
	{ WEB, KID, "{\"contact\":[]}", 200, "" },
	{ READER, KID, "{\"contact\":[]}", 403, "acme.update" },
	{ WEB, KID, "{\"contact\":\"mailto:a@web.test\"}", 400, "array" },
	{ WEB, KID, "{\"contact\":[\"tel:1\"]}", 400, "mailto" },
	{ WEB, KID, "{\"contact\":[\"mailto:a@b.test?to=c@d.test\"]}", 400,
	    "mailto" },
	{ WEB, KID, "{\"contact\":[\"mailto:a@b.test,c@d.test\"]}", 400,
	    "mailto" },
	{ WEB, KID, "{\"contact\":[],\"termsOfServiceAgreed\":true}", 403,
	    "termsOfServiceAgreed" },
	{ WEB, KID, "{\"contact\":[],\"status\":\"deactivated\"}", 403,
	    "never deactivated" },
	{ WEB, KID, "{\"status\":\"deactivated\"}", 403, "never deactivated" },
	{ MAIL, KID, "{\"status\":\"deactivated\"}", 403, "never deactivated" },
	{ UID_OPS, KID, "{\"status\":\"deactivated\"}", 403, "never" },
	{ UID_OPS, KID, "{\"status\":\"revoked\"}", 403, "never" },
	{ WEB, KID, "{}", 403, "empty payload at the account" },
	{ WEB, KID, "{\"orders\":1}", 403, "such a payload" },

	/* Keys are never changed, wherever that is asked for. */
	{ UID_OPS, CA "key-change", NULL, 403, "key is never changed" },
	{ UID_OPS, CA "key-change", "{}", 403, "key is never changed" },
	{ UID_OPS, CA "key-change",
	    "{\"protected\":\"e30\",\"payload\":"
	    "\"e30\",\"signature\":\"YQ\"}",
	    403, "key is never changed" },
	{ UID_OPS, CA "key-change/",
	    "{\"protected\":\"e30\",\"payload\":"
	    "\"e30\",\"signature\":\"YQ\"}",
	    403, "another spelling" },
	{ UID_OPS, NEW,
	    "{\"protected\":\"e30\",\"payload\":\"e30\","
	    "\"signature\":\"YQ\"}",
	    403, "JWS within a JWS" },
	{ UID_OPS, KID,
	    "{\"protected\":\"e30\",\"payload\":\"e30\","
	    "\"signature\":\"YQ\"}",
	    403, "JWS within a JWS" },
	{ UID_OPS, CA "order/a", "{\"account\":\"" KID "\",\"oldKey\":{}}", 403,
	    "key is never changed" },
	{ UID_OPS, NEW, ORDER_WITH(DNS("a.web.test"), "\"protected\":\"e30\""),
	    403, "JWS within a JWS" },

	/* New orders. */
	{ WEB, NEW, ORDER(DNS("a.web.test")), 200, "" },
	{ WEB, NEW, ORDER(DNS("b.web.test") "," DNS("*.b.web.test")), 200, "" },
	{ WEB, NEW, ORDER(DNS("b.web.test")), 200, "" },
	{ WEB, NEW, ORDER(IP("192.0.2.7")), 200, "" },
	{ WEB, NEW, ORDER(IP("2001:db8::1") "," DNS("a.web.test")), 200, "" },
	{ WEB, NEW, ORDER(DNS("own.web.test")), 200, "" },
	{ MAIL, NEW, ORDER(DNS("m.mail.test")), 200, "" },
	{ MAIL, NEW,
	    ORDER_WITH(DNS("m.mail.test"),
		"\"notBefore\":\"2026-11-23T00:00:00Z\","
		"\"notAfter\":\"2026-11-30T00:00:00Z\""),
	    200, "" },
	{ WEB, NEW, ORDER_WITH(DNS("a.web.test"), "\"profile\":\"short\""), 200,
	    "" },
	{ WEB, NEW, ORDER_WITH(DNS("a.web.test"), "\"profile\":\"longlived\""),
	    403, "denies acme.order" },
	{ WEB, NEW, ORDER_WITH(DNS("a.web.test"), "\"profile\":\"Short\""), 400,
	    "profile" },
	{ WEB, NEW, ORDER_WITH(DNS("a.web.test"), "\"profile\":7"), 400,
	    "profile" },
	{ GUEST, NEW, ORDER(DNS("a.guest.test")), 200, "" },
	{ OTHER, NEW, ORDER(DNS("a.guest.test")), 200, "" },
	{ WEB, NEW, ORDER(DNS("m.mail.test")), 403, "m.mail.test" },
	{ MAIL, NEW, ORDER(DNS("a.web.test")), 403, "a.web.test" },
	{ WEB, NEW, ORDER(DNS("a.web.test") "," DNS("evil.test")), 403,
	    "evil.test" },
	{ WEB, NEW, ORDER(DNS("secret.web.test")), 403, "secret.web.test" },
	{ WEB, NEW, ORDER(DNS("*.test")), 400, "not a DNS name" },
	{ WEB, NEW, ORDER(DNS("*.*.web.test")), 400, "not a DNS name" },
	{ WEB, NEW, ORDER(DNS("a.*.web.test")), 400, "not a DNS name" },
	{ WEB, NEW, ORDER(DNS("*")), 400, "not a DNS name" },
	{ WEB, NEW, ORDER(DNS("A.web.test")), 400, "lower case" },
	{ WEB, NEW, ORDER(DNS("a.web.test.")), 400, "not a DNS name" },
	{ WEB, NEW, ORDER(DNS(".web.test")), 400, "not a DNS name" },
	{ WEB, NEW, ORDER(DNS("a..web.test")), 400, "not a DNS name" },
	{ WEB, NEW, ORDER(DNS("web")), 400, "not a DNS name" },
	{ WEB, NEW, ORDER(DNS("")), 400, "0 bytes" },
	{ WEB, NEW, ORDER(DNS(" a.web.test")), 400, "not a DNS name" },
	{ WEB, NEW, ORDER(DNS("a.web.test b.web.test")), 400, "not a DNS" },
	{ WEB, NEW, ORDER(DNS("a.web.test\\u0000.evil")), 400, "NUL" },
	{ WEB, NEW, ORDER(DNS("a.web.test\\n")), 400, "not a DNS name" },
	{ WEB, NEW, ORDER(DNS("m\\u00fcller.web.test")), 400, "not a DNS" },
	{ WEB, NEW, ORDER(DNS("192.0.2.7")), 400, "not a DNS name" },
	{ WEB, NEW, ORDER(IP("a.web.test")), 400, "not an address" },
	{ WEB, NEW, ORDER(IP("192.0.2.07")), 400, "not an address" },
	{ WEB, NEW, ORDER(IP("192.0.2.7/32")), 400, "not an address" },
	{ WEB, NEW, ORDER(IP("2001:DB8::1")), 400, "canonical" },
	{ WEB, NEW, ORDER(IP("2001:db8:0::1")), 400, "canonical" },
	{ WEB, NEW, ORDER(IP("[2001:db8::1]")), 400, "not an address" },
	{ WEB, NEW, ORDER(IP("fe80::1%lo")), 400, "not an address" },
	{ WEB, NEW, ORDER(IP("198.51.100.1")), 403, "198.51.100.1" },
	{ MAIL, NEW, ORDER(IP("192.0.2.7")), 403, "192.0.2.7" },
	{ WEB, NEW, ORDER("{\"type\":\"TNAuthList\",\"value\":\"MAo\"}"), 422,
	    "TNAuthList" },
	{ WEB, NEW, ORDER("{\"type\":\"email\",\"value\":\"a@web.test\"}"), 422,
	    "email" },
	{ WEB, NEW, ORDER("{\"type\":\"DNS\",\"value\":\"a.web.test\"}"), 422,
	    "DNS" },
	{ WEB, NEW, ORDER(DNS("a.web.test") "," DNS("a.web.test")), 400,
	    "twice" },
	{ WEB, NEW, "{\"identifiers\":[]}", 400, "no identifier" },
	{ WEB, NEW, "{\"identifiers\":{}}", 400, "array" },
	{ WEB, NEW, "{\"identifiers\":[\"a.web.test\"]}", 400, "objects" },
	{ WEB, NEW, "{\"identifiers\":null}", 400, "array" },
	{ WEB, NEW, ORDER("{\"type\":\"dns\"}"), 400, "value" },
	{ WEB, NEW,
	    ORDER("{\"type\":\"dns\",\"value\":\"a.web.test\","
		  "\"ancestorDomain\":\"web.test\"}"),
	    400, "ancestorDomain" },
	{ WEB, NEW, ORDER("$hundred"), 200, "" },
	{ WEB, NEW, ORDER("$many"), 413, "100 identifiers" },
	{ WEB, NEW,
	    "{\"identifiers\":[" DNS("a.web.test") "],"
						   "\"identifiers\":[" DNS(
						       "evil.test") "]}",
	    400, "duplicate" },
	{ WEB, NEW, "{\"Identifiers\":[" DNS("a.web.test") "]}", 403,
	    "such a payload" },
	{ WEB, NEW,
	    ORDER_WITH(
		DNS("a.web.test"), "\"notAfter\":\"2026-11-30T00:00:00Z\""),
	    403, "acme.validity" },
	{ WEB, NEW,
	    ORDER_WITH(
		DNS("a.web.test"), "\"notBefore\":\"2026-11-30T00:00:00Z\""),
	    403, "acme.validity" },
	{ MAIL, NEW,
	    ORDER_WITH(
		DNS("m.mail.test"), "\"notAfter\":\"2026-11-31T00:00:00Z\""),
	    400, "that there is" },
	{ MAIL, NEW,
	    ORDER_WITH(
		DNS("m.mail.test"), "\"notAfter\":\"2026-11-30T00:00:00.5Z\""),
	    400, "a time" },
	{ MAIL, NEW,
	    ORDER_WITH(DNS("m.mail.test"),
		"\"notAfter\":\"2026-11-30T00:00:00+00:00\""),
	    400, "a time" },
	{ MAIL, NEW, ORDER_WITH(DNS("m.mail.test"), "\"notAfter\":1"), 400,
	    "a time" },
	{ WEB, NEW, ORDER_WITH(DNS("a.web.test"), "\"replaces\":\"YQ.YQ\""),
	    403, "acme.replace" },
	{ MAIL, NEW, ORDER_WITH(DNS("m.mail.test"), "\"replaces\":\"YQ.YQ\""),
	    403, "no certificate" },
	{ MAIL, NEW, ORDER_WITH(DNS("m.mail.test"), "\"replaces\":\"YQYQ\""),
	    400, "replaces" },
	{ WEB, NEW, ORDER_WITH(DNS("a.web.test"), "\"auto-renewal\":{}"), 403,
	    "auto-renewal" },
	{ WEB, NEW, ORDER_WITH(DNS("a.web.test"), "\"delegation\":\"x\""), 403,
	    "delegation" },
	{ WEB, NEW, ORDER_WITH(DNS("a.web.test"), "\"csr\":\"$a\""), 403,
	    "csr" },
	{ WEB, CA "elsewhere", ORDER(DNS("a.web.test")), 403,
	    "a URL that is not known" },
	{ READER, NEW, ORDER(DNS("a.web.test")), 403, "acme.order" },

	/* New authorizations. */
	{ WEB, AUTHZ, "{\"identifier\":" DNS("pre.web.test") "}", 200, "" },
	{ WEB, AUTHZ, "{\"identifier\":" DNS("evil.test") "}", 403,
	    "evil.test" },
	{ WEB, AUTHZ, "{\"identifier\":" DNS("*.web.test") "}", 400,
	    "wildcard" },
	{ WEB, AUTHZ, "{\"identifier\":[" DNS("a.web.test") "]}", 400,
	    "objects" },
	{ WEB, AUTHZ, ORDER(DNS("a.web.test")), 403, "newAuthz" },
	{ WEB, NEW, "{\"identifier\":" DNS("a.web.test") "}", 403, "newOrder" },

	/* Orders and authorizations are read by whose they are. */
	{ WEB, CA "order/wide", NULL, 403, "none of what" },
	{ MAIL, CA "order/a", NULL, 403, "none of what" },
	{ WEB, CA "order/a", NULL, 200, "" },
	{ WEB, CA "order/a", NULL, 200, "" },
	{ MAIL, CA "order/a", NULL, 403, "none of what" },
	{ READER, CA "order/a", NULL, 403, "none of what" },
	{ UID_OPS, CA "order/a", NULL, 403, "none of what" },
	{ WEB, CA "order/m", NULL, 403, "none of what" },
	{ MAIL, CA "order/m", NULL, 200, "" },
	{ WEB, CA "order/ip", NULL, 200, "" },
	{ WEB, CA "authz/a", NULL, 200, "" },
	{ MAIL, CA "authz/a", NULL, 403, "none of what" },
	{ WEB, CA "authz/b", NULL, 200, "" },
	{ WEB, CA "authz/star", NULL, 200, "" },
	{ WEB, CA "authz/wild-only", NULL, 403, "none of what" },
	{ WEB, CA "authz/evil", NULL, 403, "none of what" },
	{ WEB, CA "authz/ip", NULL, 200, "" },
	{ WEB, CA "challenge/a", NULL, 200, "" },
	{ MAIL, CA "challenge/a", NULL, 403, "none of what" },
	{ WEB, CA "order/a", "{}", 403, "empty payload at an order" },
	{ WEB, CA "order/a", "{\"status\":\"canceled\"}", 403, "an order's" },
	{ WEB, CA "order/a", "{\"csr\":\"$a\"}", 403, "an order's URL" },
	{ WEB, CA "finalize/a", NULL, 403, "no payload at a finalize" },
	{ GUEST, CA "order/guest", NULL, 200, "" },
	{ OTHER, CA "order/guest", NULL, 403, "none of what" },

	/* Challenges. */
	{ WEB, CA "challenge/a", "{}", 200, "" },
	{ WEB, CA "challenge/star", "{}", 200, "" },
	{ WEB, CA "challenge/ip", "{}", 200, "" },
	{ WEB, CA "challenge/pre", "{}", 200, "" },
	{ MAIL, CA "challenge/a", "{}", 403, "none of what" },
	{ WEB, CA "challenge/mail", "{}", 403, "none of what" },
	{ WEB, CA "challenge/m", "{}", 403, "none of what" },
	{ WEB, CA "challenge/lost", "{}", 403, "none of what" },
	{ WEB, CA "challenge/liar", "{}", 403, "none of what" },
	{ WEB, CA "challenge/far", "{}", 403, "none of what" },
	{ WEB, CA "challenge/a", "{\"keyAuthorization\":\"a.b\"}", 403,
	    "a challenge's URL" },
	{ WEB, CA "challenge/a", "{\"status\":\"deactivated\"}", 403,
	    "a challenge's URL" },
	{ WEB, CA "authz/a", "{}", 403, "an authorization's URL" },
	{ READER, CA "challenge/a", "{}", 403, "acme.answer" },
	{ UID_OPS, CA "challenge/a", "{}", 403, "none of what" },

	/* Authorizations are given up by whose alone they are. */
	{ MAIL, CA "authz/a", "{\"status\":\"deactivated\"}", 403, "none of" },
	{ WEB, CA "authz/a", "{\"status\":\"valid\"}", 400, "deactivated" },
	{ WEB, CA "authz/a", "{\"status\":\"deactivated\",\"x\":1}", 403,
	    "x\\\" is not signed" },
	{ WEB, CA "authz/a", "{\"status\":\"deactivated\"}", 200, "" },
	{ WEB, CA "account/2", "{\"status\":\"deactivated\"}", 403, "none of" },
	{ WEB, CA "order/a", "{\"status\":\"deactivated\"}", 403,
	    "an order's URL" },
	{ WEB, NEW, ORDER(DNS("x.shared.test")), 200, "" },
	{ WEB, CA "authz/x", NULL, 200, "" },
	{ MAIL, CA "authz/x", NULL, 403, "none of what" },
	{ MAIL, NEW, ORDER(DNS("x.shared.test")), 200, "" },
	{ MAIL, CA "authz/x", NULL, 200, "" },
	{ MAIL, CA "authz/x", "{\"status\":\"deactivated\"}", 403,
	    "serves others" },
	{ WEB, CA "order/x", NULL, 200, "" },
	{ MAIL, CA "order/x", NULL, 403, "none of what" },

	/* Finalizing: the names of an order, once. */
	{ WEB, CA "finalize/b", "{\"csr\":\"$extra\"}", 403, "names" },
	{ WEB, CA "finalize/b", "{\"csr\":\"$cn-extra\"}", 403, "names" },
	{ WEB, CA "finalize/b", "{\"csr\":\"$nul\"}", 400, "identifier" },
	{ WEB, CA "finalize/b", "{\"csr\":\"$upper\"}", 400, "lower case" },
	{ WEB, CA "finalize/b", "{\"csr\":\"$account-key\"}", 403,
	    "other things than certificates" },
	{ WEB, CA "finalize/b", "{\"csr\":\"$unsigned\"}", 400,
	    "not signed by its own key" },
	{ WEB, CA "finalize/b", "{\"csr\":\"$organisation\"}", 400,
	    "common name" },
	{ WEB, CA "finalize/b", "{\"csr\":\"$ca\"}", 400, "CA's" },
	{ WEB, CA "finalize/b", "{\"csr\":\"$policy\"}", 400,
	    "certificatePolicies" },
	{ WEB, CA "finalize/b", "{\"csr\":\"$mail-address\"}", 400,
	    "neither a DNS name" },
	{ WEB, CA "finalize/b", "{\"csr\":\"$uri\"}", 400, "neither a DNS" },
	{ WEB, CA "finalize/b", "{\"csr\":\"$nameless\"}", 400,
	    "no identifier" },
	{ WEB, CA "finalize/b", "{\"csr\":\"$b\",\"notAfter\":\"x\"}", 403,
	    "notAfter" },
	{ WEB, CA "finalize/b", "{\"csr\":7}", 400, "string" },
	{ WEB, CA "finalize/b", "{\"csr\":\"\"}", 400, "base64url" },
	{ WEB, CA "finalize/b", "{\"csr\":\"MAA\"}", 400, "PKCS#10" },
	{ WEB, CA "finalize/b", "{\"csr\":\"$b=\"}", 400, "base64url" },
	{ WEB, CA "finalize/b", "{\"csr\":\"$b$b\"}", 400, "csr" },
	{ MAIL, CA "finalize/a", "{\"csr\":\"$m\"}", 403, "none of what" },
	{ MAIL, CA "finalize/a", "{\"csr\":\"$a\"}", 403, "a.web.test" },
	{ WEB, CA "finalize/a", "{\"csr\":\"$a\"}", 200, "" },
	{ WEB, CA "finalize/a", "{\"csr\":\"$a\"}", 200, "" },
	{ WEB, CA "finalize/a", "{\"csr\":\"$a-again\"}", 403, "another CSR" },
	{ WEB, CA "finalize/b", "{\"csr\":\"$b\"}", 200, "" },
	{ MAIL, CA "finalize/m", "{\"csr\":\"$m\"}", 200, "" },
	{ WEB, CA "finalize/ip", "{\"csr\":\"$ip\"}", 200, "" },
	{ WEB, CA "finalize/own", "{\"csr\":\"$own\"}", 200, "" },
	{ OTHER, CA "finalize/guest", "{\"csr\":\"$guest\"}", 403, "none of" },
	{ GUEST, CA "finalize/guest", "{\"csr\":\"$guest\"}", 200, "" },
	{ WEB, CA "challenge/mail", "{\"csr\":\"$a\"}", 403, "none of what" },
	{ WEB, CA "challenge/a", "{\"csr\":\"$a\"}", 403, "a challenge's" },
	{ READER, CA "finalize/a", "{\"csr\":\"$a\"}", 403, "acme.finalize" },

	/* Certificates are read, and named, by whose key they have. */
	{ MAIL, CA "cert/a", NULL, 403, "none of what" },
	{ WEB, CA "cert/a", NULL, 200, "" },
	{ WEB, CA "cert/a", "{}", 403, "a certificate's URL" },
	{ WEB, CA "cert/m", NULL, 403, "none of what" },
	{ MAIL, CA "cert/m", NULL, 200, "" },
	{ MAIL, NEW, ORDER_WITH(DNS("m.mail.test"), "\"replaces\":\"$id-m\""),
	    200, "" },
	{ MAIL, NEW, ORDER_WITH(DNS("m.mail.test"), "\"replaces\":\"$id-a\""),
	    403, "no certificate" },

	/* Revocation. */
	{ WEB, REVOKE, "{\"certificate\":\"$cert-mail\"}", 403, "m.mail" },
	{ UID_OPS, REVOKE, "{\"certificate\":\"$cert-mail\"}", 403,
	    "came of no order" },
	{ UID_OPS, REVOKE, "{\"certificate\":\"$cert-managed\"}", 403,
	    "came of no order" },
	{ UID_OPS, REVOKE, "{\"certificate\":\"$cert-declared\"}", 200, "" },
	{ WEB, REVOKE, "{\"certificate\":\"$cert-declared\"}", 403,
	    "came of no order" },
	{ WEB, REVOKE, "{\"certificate\":\"$cert-web\",\"reason\":2}", 400,
	    "reason" },
	{ WEB, REVOKE, "{\"certificate\":\"$cert-web\",\"reason\":6}", 400,
	    "reason" },
	{ WEB, REVOKE, "{\"certificate\":\"$cert-web\",\"reason\":-1}", 400,
	    "reason" },
	{ WEB, REVOKE, "{\"certificate\":\"$cert-web\",\"reason\":\"1\"}", 400,
	    "reason" },
	{ WEB, REVOKE, "{\"certificate\":\"$cert-web\",\"reason\":4}", 200,
	    "" },
	{ WEB, REVOKE, "{\"certificate\":\"$cert-web\"}", 200, "" },
	{ WEB, REVOKE, "{\"certificate\":\"$a\"}", 400, "certificate" },
	{ WEB, REVOKE, "{\"certificate\":\"\"}", 400, "base64url" },
	{ WEB, REVOKE, "{\"reason\":1}", 403, "revokeCert" },
	{ READER, REVOKE, "{\"certificate\":\"$cert-web\"}", 403,
	    "acme.revoke" },

	/* The broker's own orders. */
	{ WEB, CA "managed/order", NULL, 403, "none of what" },
	{ UID_OPS, CA "managed/order", NULL, 200, "" },
	{ UID_OPS, CA "managed/finalize", "{\"csr\":\"$a\"}", 403, "none of" },
	{ WEB, CA "managed/finalize", "{\"csr\":\"$b\"}", 403, "none of" },
	{ WEB, CA "managed/authz", NULL, 200, "" },
	{ WEB, CA "challenge/managed", "{}", 403, "broker's own" },
	{ WEB, CA "managed/authz", "{\"status\":\"deactivated\"}", 403,
	    "serves others" },
};

/* A certificate that ops declared, and an order of it. */
static void
make_declared(void)
{
	struct certificate_row c = { .name = "declared", .account = "main",
		.names = xstrdup("d.web.test"), .token = "main",
		.tenant = "ops" };
	struct order_row o = { .certificate = "declared", .account = "main",
		.key = "ops-declared", .state = ORDER_ISSUED };
	struct fault why;

	small_key("ops-declared", "main", PURPOSE_CERTIFICATE, KEY_ACTIVE);
	if (store_certificate_put(core.store, &c, &why) != OK ||
	    store_order_put(core.store, &o, &why) != OK)
		abort();
	certificate_row_free(&c);
}

/* An order of the broker's own, as its store would have it; one of its
 * authorizations serves an order of a client, too. */
static void
make_managed(void)
{
	struct authorization_row a = { .order = 1,
		.url = CA "managed/authz",
		.challenge_url = CA "challenge/managed" };
	struct order_row o;
	struct fault why;

	if (store_order_get(core.store, 1, &o, &why) != OK)
		abort();
	strcpy(o.url, CA "managed/order");
	strcpy(o.finalize, CA "managed/finalize");
	if (store_order_put(core.store, &o, &why) != OK ||
	    store_authorization_put(core.store, &a, &why) != OK)
		abort();
	order_row_free(&o);
	ca_show_order(CA "managed/order", "conf.test", "managed");
	ca_show_authorization(CA "managed/authz", "a.web.test", false,
	    "managed");
}

static void
name_ids(void)
{
	static const struct { const char *from, *to; } ids[] = {
		{ "cert-web", "id-a" }, { "cert-mail", "id-m" },
	};
	struct fault why;

	for (size_t i = 0; i < nitems(ids); i++) {
		char *from = xasprintf("$%s", ids[i].from);
		char *text = expand(from);
		struct proof p;

		if (proof_certificate(&p, text, &why) != OK)
			abort();
		name_text(ids[i].to, xstrdup(p.cert_id));
		proof_free(&p);
		free(text);
		free(from);
	}
}

static int
open_all(void **state)
{
	static struct exchange exchange;

	if (small_open(state) != 0)
		return -1;
	ex = &exchange;
	exchange_init(ex, routes, nitems(routes), BODY_MAX, audit_refusal);
	web_key = soft_generate(KEY_EC_P256);
	mail_key = soft_generate(KEY_EC_P256);
	other_key = soft_generate(KEY_EC_P256);
	small_key("web-own", "main", PURPOSE_CERTIFICATE, KEY_ACTIVE);
	name_text("hundred", many_identifiers(100));
	name_text("many", many_identifiers(101));
	make_declared();
	make_csrs();
	make_certificates();
	name_ids();
	make_world();
	make_managed();
	ca_open();
	return 0;
}

static int
close_all(void **state)
{
	ca_close();
	for (size_t i = 0; i < ntexts; i++)
		free(texts[i].text);
	EVP_PKEY_free(web_key);
	EVP_PKEY_free(mail_key);
	EVP_PKEY_free(other_key);
	exchange_free(ex);
	return small_close(state);
}

/* ------------------------------------------------------------------- tests */

/* What was signed verifies with OpenSSL, and is the line in the log: the
 * digest of the input, and the payload, in which DER is told by its digest. */
static void
check_signed(const struct row *row, const struct json *jws)
{
	const char *header = json_get_string(jws, "protected");
	const char *payload = json_get_string(jws, "payload");
	const char *signature = json_get_string(jws, "signature");
	unsigned char spki[SPKI_MAX], digest[SHA256_SIZE];
	char hex[2 * SHA256_SIZE + 1];
	struct json *line = last_decision();
	struct buf input, raw;
	enum key_type type;
	struct fault why;
	EVP_PKEY *key;
	size_t n;

	buf_init(&input, 200000);
	buf_init(&raw, 10000);
	buf_putf(&input, "%s.%s", header, payload);
	assert_int_equal(keys_public(core.keys, "account-main", spki, &n,
	    &type, &why), OK);
	key = spki_read(spki, n, &why);
	assert_true(b64_get(&raw, signature, strlen(signature)));
	assert_int_equal(signature_verify(key, ALG_ES256, input.data,
	    input.len, raw.data, raw.len, &why), OK);
	sha256(digest, input.data, input.len);
	hex_encode(hex, digest, sizeof(digest));
	assert_string_equal(json_get_string(line, "inputSha256"), hex);
	assert_string_equal(json_get_string(line, "url"), row->url);
	assert_int_equal(payload[0] == '\0', row->payload == NULL);
	EVP_PKEY_free(key);
	json_free(line);
	buf_free(&raw);
	buf_free(&input);
}

static void
test_table(void **state)
{
	size_t wrong = 0;

	(void)state;
	assert_true(nitems(table) >= 120);
	for (size_t i = 0; i < nitems(table); i++) {
		const struct row *row = &table[i];
		char *payload = row->payload != NULL ? expand(row->payload) :
		    NULL;
		struct heard h = ask_jws(row->uid, row->url, payload);

		if (h.status != row->status ||
		    strstr(h.text, row->words) == NULL) {
			print_error("row %zu: %u %s %.60s: %u %s\n", i,
			    row->uid, row->url,
			    row->payload != NULL ? row->payload : "", h.status,
			    h.text);
			wrong++;
		} else if (h.status == 200) {
			check_signed(row, h.json);
		} else {
			assert_null(strstr(h.text, "\"signature\":"));
		}
		heard_free(&h);
		free(payload);
	}
	assert_int_equal(wrong, 0);
}

/* However many ask about a URL at once, the CA is asked once. */
static void *
ask_together(void *arg)
{
	static const char body[] = "{\"url\":\"" CA "authz/many\","
	    "\"nonce\":\"YQ\"}";
	struct outcome_of o = ask(WEB, handle_account_jws, "main", body);
	bool good = o.err == OK;

	outcome_free(&o);
	if (!good)
		return NULL;
	o = ask(MAIL, handle_account_jws, "main", body);
	good = o.err == ERR_DENIED;
	outcome_free(&o);
	return good ? arg : NULL;
}

static void
test_together(void **state)
{
	unsigned before = ca.looks;
	pthread_t threads[8];
	void *good;

	(void)state;
	ca_show_authorization(CA "authz/many", "a.web.test", false, "many");
	for (size_t i = 0; i < nitems(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL,
		    ask_together, &ca), 0);
	for (size_t i = 0; i < nitems(threads); i++) {
		pthread_join(threads[i], &good);
		assert_non_null(good);
	}
	assert_int_equal(ca.looks, before + 1);
}

/* -------------------------------------------------------- random documents */

static unsigned seed = 1;

static unsigned
pick(unsigned n)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 16) % n;
}

static const char *
one_of(const char *const *v, size_t n)
{
	return v[pick((unsigned)n)];
}
#define ONE_OF(v) one_of(v, nitems(v))

/* White space where it may be, and now and then where it may not. */
static void
put_space(struct buf *out)
{
	static const char *const spaces[] = { "", "", "", "", " ", "\n\t", };

	buf_puts(out, ONE_OF(spaces));
}

static void
put_identifier(struct buf *out)
{
	static const char *const types[] = { "dns", "ip", "DNS", "\\u0064ns" };
	static const char *const values[] = { "A.web.test", "evil.test",
		"a.web.test\\u0000", "192.0.2.9", "\\u002a.web.test" };
	static const char *const names[] = { "a.web.test", "b.web.test",
		"*.web.test", "x.shared.test", "\\u0061.web.test",
		"a\\u002eb.web.test", "c.web.test", "d.web.test" };
	static const char *const ips[] = { "192.0.2.9", "2001:db8::9" };
	bool ip = pick(5) == 0, odd = pick(12) == 0;
	const char *type = odd ? ONE_OF(types) : ip ? "ip" : "dns";
	const char *value = odd ? ONE_OF(values) : ip ? ONE_OF(ips) :
	    ONE_OF(names);

	put_space(out);
	if (pick(2) == 0)
		buf_putf(out, "{\"value\":\"%s\",\"type\":\"%s\"}", value,
		    type);
	else
		buf_putf(out, "{\"type\":\"%s\",\"value\":\"%s\"}", type,
		    value);
	put_space(out);
}

static void
put_member(struct buf *out)
{
	static const char *const members[] = {
		"\"profile\":\"short\"", "\"profile\":\"\\u0073hort\"",
		"\"notAfter\":\"2026-12-01T00:00:00Z\"",
		"\"notBefore\":\"2026-12-01T00:00:00Z\"",
		"\"replaces\":\"YQ.YQ\"", "\"status\":\"deactivated\"",
		"\"contact\":[\"mailto:\\u0061@web.test\"]",
		"\"contact\":[]", "\"csr\":\"$a\"", "\"csr\":\"$own\"",
		"\"certificate\":\"$cert-web\"", "\"reason\":4",
		"\"reason\":1", "\"reason\":1e0", "\"onlyReturnExisting\":true",
		"\"payload\":{}", "\"\":1", "\"reas\\u006fn\":0",
	};

	put_space(out);
	buf_puts(out, ONE_OF(members));
	put_space(out);
}

static void
put_document(struct buf *out)
{
	bool any = false, order = pick(3) > 0;
	unsigned n = order && pick(4) > 0 ? 0 : 1 + pick(2);

	buf_putc(out, '{');
	if (order) {
		buf_puts(out, "\"identifiers\":[");
		for (unsigned i = 1 + pick(3); i > 0; i--) {
			put_identifier(out);
			if (i > 1)
				buf_putc(out, ',');
		}
		buf_putc(out, ']');
		any = true;
	}
	for (; n > 0; n--) {
		if (any)
			buf_putc(out, ',');
		put_member(out);
		any = true;
	}
	buf_putc(out, '}');
}

/* The payload that was signed, in the words of an audit line: DER as its
 * digest. */
static void
put_as_told(struct json_writer *w, const struct json *v)
{
	const char *name = json_name(v), *text = json_string(v);
	unsigned char digest[SHA256_SIZE];
	char hex[2 * SHA256_SIZE + 1];
	struct buf der;

	if (strcmp(name, "csr") != 0 && strcmp(name, "certificate") != 0) {
		json_put_value(w, name, v);
		return;
	}
	buf_init(&der, 100000);
	assert_true(b64_get(&der, text, strlen(text)));
	sha256(digest, der.data, der.len);
	hex_encode(hex, digest, sizeof(digest));
	json_put_string(w, name, hex);
	buf_free(&der);
}

/* The payload of an audit line, of which DER keeps the digest only. */
static void
put_told(struct json_writer *w, const struct json *v)
{
	const char *digest = json_get_string(v, "sha256");

	if (digest != NULL)
		json_put_string(w, json_name(v), digest);
	else
		json_put_value(w, json_name(v), v);
}

static void
put_same(struct json_writer *w, const struct json *v)
{
	json_put_value(w, json_name(v), v);
}

static void
rewrite(struct buf *out, const struct json *object,
    void (*put)(struct json_writer *, const struct json *))
{
	struct json_writer w;

	json_write_start(&w, out);
	json_open_object(&w, NULL);
	for (const struct json *v = json_first(object); v != NULL;
	    v = json_next(v))
		put(&w, v);
	json_close_object(&w);
}

/* Bytes that are signed are one text of what the log says, and of nothing
 * else. */
static void
check_facts(const struct json *jws)
{
	const char *text = json_get_string(jws, "payload");
	struct json *line = last_decision(), *payload;
	struct buf bytes, again, told, said;
	struct fault why;

	buf_init(&bytes, 100000);
	buf_init(&again, 100000);
	buf_init(&told, 100000);
	buf_init(&said, 100000);
	assert_true(b64_get(&bytes, text, strlen(text)));
	payload = json_parse(buf_str(&bytes), bytes.len, &why);
	assert_non_null(payload);
	rewrite(&again, payload, put_same);
	assert_string_equal(buf_str(&again), buf_str(&bytes));
	rewrite(&said, payload, put_as_told);
	rewrite(&told, json_get(line, "payload"), put_told);
	assert_string_equal(buf_str(&said), buf_str(&told));
	json_free(payload);
	json_free(line);
	buf_free(&bytes);
	buf_free(&again);
	buf_free(&told);
	buf_free(&said);
}

static void
test_random(void **state)
{
	static const char *const urls[] = { NEW, NEW, NEW, NEW, NEW, NEW, KID,
		REVOKE, CA "new-account", CA "finalize/a", CA "authz/b",
		CA "finalize/own" };
	unsigned signatures = 0;

	(void)state;
	for (unsigned i = 0; i < 3000; i++) {
		uint32_t uid = pick(4) == 0 ? MAIL : WEB;
		struct buf text;
		struct heard h;
		char *payload;

		buf_init(&text, 10000);
		put_document(&text);
		payload = expand(buf_str(&text));
		h = ask_jws(uid, ONE_OF(urls), payload);
		if (h.status == 200) {
			check_facts(h.json);
			signatures++;
		}
		assert_true(h.status < 500);
		heard_free(&h);
		free(payload);
		buf_free(&text);
	}
	print_message("%u of 3000 signed\n", signatures);
	assert_true(signatures > 100);
}

/* Bodies that are no request, byte by byte. */
static void
test_bodies(void **state)
{
	static const struct { const char *body, *words; } bad[] = {
		{ "", "url" }, { "[]", "object" }, { "{}", "url" },
		{ "{\"url\":\"" KID "\"}", "nonce" },
		{ "{\"nonce\":\"YQ\"}", "url" },
		{ "{\"url\":7,\"nonce\":\"YQ\"}", "url" },
		{ "{\"url\":\"" KID "\",\"nonce\":\"\"}", "nonce" },
		{ "{\"url\":\"" KID "\",\"nonce\":\"a b\"}", "nonce" },
		{ "{\"url\":\"" KID "\",\"nonce\":\"YQ==\"}", "nonce" },
		{ "{\"url\":\"" KID "\",\"nonce\":\"YQ\",\"kid\":\"x\"}",
		    "kid" },
		{ "{\"url\":\"" KID "\",\"nonce\":\"YQ\",\"alg\":\"none\"}",
		    "alg" },
		{ "{\"url\":\"" KID "\",\"nonce\":\"YQ\",\"alg\":\"HS256\"}",
		    "alg" },
		{ "{\"url\":\"" KID "\",\"url\":\"" KID
		    "\",\"nonce\":\"YQ\"}", "duplicate" },
		{ "{\"url\":\"" KID "\",\"nonce\":\"YQ\"} ,", "byte" },
		{ "{\"url\":\"" KID "\",\"nonce\":\"YQ\",\"payload\":{\"a\":"
		    "1,\"a\":1}}", "duplicate" },
		{ "{\"url\":\"" KID "\",\"nonce\":\"YQ\",\"payload\":{\"a\":"
		    "1.5}}", "integer" },
		{ "{\"url\":\"" KID "\",\"nonce\":\"YQ\",\"payload\":"
		    "\"\xff\"}", "UTF-8" },
	};
	char *nonce = xmalloc(1048577 + 100);
	struct heard h;
	int n;

	(void)state;
	for (size_t i = 0; i < nitems(bad); i++) {
		h = send_bytes(UID_OPS, "/v1/accounts/main/jws", bad[i].body,
		    strlen(bad[i].body));
		if (h.status != 400 || strstr(h.text, bad[i].words) == NULL)
			fail_msg("%s: %u %s", bad[i].body, h.status, h.text);
		heard_free(&h);
	}
	n = sprintf(nonce, "{\"url\":\"" KID "\",\"nonce\":\"");
	memset(nonce + n, 'A', 1048576);
	strcpy(nonce + n + 1048576, "\"}");
	h = send_bytes(UID_OPS, "/v1/accounts/main/jws", nonce,
	    strlen(nonce));
	assert_int_equal(h.status, 413);
	heard_free(&h);
	free(nonce);
}

/* Asking again about what was seen asks the CA no more, and what is known
 * asks the CA nothing at all. */
static void
test_looks(void **state)
{
	unsigned before = ca.looks;
	struct heard h;

	(void)state;
	for (unsigned i = 0; i < 50; i++) {
		h = ask_jws(WEB, CA "order/a", NULL);
		assert_int_equal(h.status, 200);
		heard_free(&h);
		h = ask_jws(WEB, CA "nowhere", NULL);
		assert_int_equal(h.status, 403);
		heard_free(&h);
	}
	assert_true(ca.looks <= before + 1);
}

/* Decided and told, in the log as what it is, and nothing is changed. */
static void
test_dry_run(void **state)
{
	static const struct {
		const char *target, *body;
		unsigned status;
		const char *words[3];
	} rows[] = {
		{ "accounts/main/jws", "{\"url\":\"" NEW "\",\"nonce\":\"YQ\","
		    "\"payload\":" ORDER(DNS("dry.web.test")) "}", 200,
		    { "\"allow\":true", "\"act\":\"new-order\"",
		    "\"value\":\"dry.web.test\"" } },
		{ "accounts/main/jws", "{\"url\":\"" NEW "\",\"nonce\":\"YQ\","
		    "\"payload\":" ORDER(DNS("evil.test")) "}", 200,
		    { "\"allow\":false", "evil.test", "acme.order" } },
		{ "accounts/main/jws", "{\"url\":\"" CA "dry/1\",\"nonce\":"
		    "\"YQ\"}", 200, { "\"allow\":true",
		    "\"urlIs\":\"unknown\"", "acme.read" } },
		{ "accounts/main/jws", "{\"url\":\"" CA "finalize/a\","
		    "\"nonce\":\"YQ\",\"payload\":{\"csr\":\"$a-again\"}}",
		    200, { "\"allow\":false", "another CSR", "finalize" } },
		{ "accounts/main/jws", "{\"url\":\"" CA "key-change\","
		    "\"nonce\":\"YQ\"}", 403, { "never changed", "", "" } },
		{ "certificates/configured/orders", "{}", 200,
		    { "\"allow\":false", "order.create", "" } },
	};
	unsigned before = small_box.signatures, looks = ca.looks;
	struct request_row r;
	struct fault why;

	(void)state;
	for (size_t i = 0; i < nitems(rows); i++) {
		char *target = xasprintf("/v1/%s?dry-run=1", rows[i].target);
		char *body = expand(rows[i].body);
		struct heard h = send_bytes(WEB, target, body, strlen(body));

		if (h.status != rows[i].status)
			fail_msg("%zu: %u %s", i, h.status, h.text);
		for (unsigned k = 0; k < 3; k++)
			if (strstr(h.text, rows[i].words[k]) == NULL)
				fail_msg("%s: %s", rows[i].words[k], h.text);
		heard_free(&h);
		free(target);
		free(body);
	}
	assert_int_equal(small_box.signatures, before);
	assert_int_equal(ca.looks, looks);
	assert_int_equal(store_request_naming(core.store,
	    &(struct requester){ "main", "web" }, "dry.web.test", 0, &r,
	    &why), ERR_NOT_FOUND);
}

static void
test_csr(void **state)
{
	static const struct { const char *key, *body; unsigned status;
		const char *words; } rows[] = {
		{ "web-own", "{\"names\":[\"own.web.test\",\"192.0.2.1\"]}",
		    200, "csr" },
		{ "web-own", "{\"names\":[\"own.web.test\"],\"mustStaple\":"
		    "true,\"extendedKeyUsage\":[\"clientAuth\"]}", 200, "csr" },
		{ "web-own", "{\"names\":[]}", 400, "no identifier" },
		{ "web-own", "{\"names\":[\"Own.web.test\"]}", 400, "lower" },
		{ "web-own", "{\"names\":[\"a.test\"],\"extendedKeyUsage\":"
		    "[\"codeSigning\"]}", 400, "codeSigning" },
		{ "account-main", "{\"names\":[\"a.test\"]}", 409,
		    "not for certificates" },
		{ "none", "{\"names\":[\"a.test\"]}", 404, "no key" },
	};

	(void)state;
	for (size_t i = 0; i < nitems(rows); i++) {
		char *target = xasprintf("/v1/keys/%s/csr", rows[i].key);
		struct heard h = send_bytes(UID_OPS, target, rows[i].body,
		    strlen(rows[i].body));
		struct fault why;
		struct proof p;

		if (h.status != rows[i].status ||
		    strstr(h.text, rows[i].words) == NULL)
			fail_msg("%zu: %u %s", i, h.status, h.text);
		if (h.status == 200) {
			assert_int_equal(proof_csr(&p, json_get_string(h.json,
			    "csr"), &why), OK);
			assert_int_equal(p.ids.n, 2 - i);
			assert_int_equal(p.nextensions, 1 + 2 * i);
			proof_free(&p);
		}
		heard_free(&h);
		free(target);
	}
}

/* RFC 8555 section 8.1, and the digests of it. */
static void
test_key_authorization(void **state)
{
	static const char target[] = "/v1/accounts/main/key-authorization";
	static const char *const bad[] = { "{}", "{\"token\":\"\"}",
		"{\"token\":\"a/b\"}", "{\"token\":7}",
		"{\"token\":\"a\",\"x\":1}" };
	unsigned char digest[SHA256_SIZE];
	char hex[2 * SHA256_SIZE + 1], *text, *dns;
	struct heard h = send_bytes(UID_OPS, target, "{\"token\":\"abc-_\"}",
	    17);

	(void)state;
	assert_int_equal(h.status, 200);
	text = xstrdup(json_get_string(h.json, "keyAuthorization"));
	assert_int_equal(strncmp(text, "abc-_.", 6), 0);
	assert_int_equal(strlen(text), 6 + 43);
	sha256(digest, text, strlen(text));
	dns = b64_encode(digest, sizeof(digest));
	hex_encode(hex, digest, sizeof(digest));
	assert_string_equal(json_get_string(h.json, "dns01"), dns);
	assert_int_equal(strncmp(json_get_string(h.json, "tlsAlpn01"), "0420",
	    4), 0);
	assert_string_equal(json_get_string(h.json, "tlsAlpn01") + 4, hex);
	heard_free(&h);
	for (size_t i = 0; i < nitems(bad); i++) {
		h = send_bytes(UID_OPS, target, bad[i], strlen(bad[i]));
		assert_int_equal(h.status, 400);
		heard_free(&h);
	}
	h = send_bytes(WEB, target, "{\"token\":\"a\"}", 13);
	assert_int_equal(h.status, 403);
	heard_free(&h);
	free(dns);
	free(text);
}

/* ------------------------------------------------------ bytes of the client */

#define ES256	"\"alg\":\"ES256\""
#define BY_URL	"\"kid\":\"" KID "\""
#define FRESH	"\"nonce\":\"bm9uY2U\""
#define AT(url) "\"url\":\"" url "\""

static enum err
sign_these(uint32_t uid, const char *header, const char *payload,
    struct signature *sig, struct fault *why)
{
	struct peer peer = { .uid = uid, .gid = uid, .pid = 9,
		.listener = "api" };
	const struct acme_bytes bytes = { .peer = &peer, .account = "main",
		.header = { (const unsigned char *)header, strlen(header) },
		.payload = { (const unsigned char *)payload,
		    strlen(payload) }, .start_us = clock_monotonic_us() };

	return acme_sign_bytes(&bytes, sig, why);
}

static void
check_bytes(const char *header, const char *payload,
    const struct signature *sig)
{
	unsigned char spki[SPKI_MAX];
	enum key_type type;
	struct fault why;
	struct buf input;
	EVP_PKEY *key;
	size_t n;

	buf_init(&input, 100000);
	b64_put(&input, header, strlen(header));
	buf_putc(&input, '.');
	b64_put(&input, payload, strlen(payload));
	assert_int_equal(keys_public(core.keys, "account-main", spki, &n,
	    &type, &why), OK);
	key = spki_read(spki, n, &why);
	assert_int_equal(signature_verify(key, ALG_ES256, input.data,
	    input.len, sig->bytes, sig->n, &why), OK);
	EVP_PKEY_free(key);
	buf_free(&input);
}

/* A protocol that brings header and payload ready made gets a signature over
 * these very bytes, after the same questions. */
static void
test_bytes(void **state)
{
	static const struct {
		uint32_t uid;
		const char *header, *payload;
		enum err err;
		const char *words;
	} rows[] = {
		{ WEB, "{" ES256 "," BY_URL "," FRESH "," AT(KID) "}", "", OK,
		    "" },
		{ WEB, "{" ES256 "," BY_URL "," FRESH "," AT(NEW) "}",
		    ORDER(DNS("a.web.test")), OK, "" },
		{ WEB, "{" AT(NEW) "," FRESH "," BY_URL "," ES256 "}",
		    "{ \"identifiers\" : [" DNS("a.web.test") "] }", OK, "" },
		{ WEB, "{" ES256 "," BY_URL "," FRESH "," AT(NEW) "}",
		    ORDER(DNS("evil.test")), ERR_DENIED, "evil.test" },
		{ WEB, "{" ES256 "," BY_URL "," FRESH "," AT(KID) "}",
		    "{\"status\":\"deactivated\"}", ERR_DENIED, "never" },
		{ WEB, "{" ES256 "," BY_URL "," FRESH "," AT(NEW) "}",
		    "{\"identifiers\":[],\"identifiers\":[]}", ERR_SYNTAX,
		    "duplicate" },
		{ WEB, "{" ES256 "," BY_URL "," FRESH "," FRESH ","
		    AT(KID) "}", "", ERR_SYNTAX, "duplicate" },
		{ WEB, "{" ES256 ",\"kid\":\"" CA "account/2\"," FRESH ","
		    AT(KID) "}", "", ERR_DENIED, "kid" },
		{ WEB, "{" ES256 "," FRESH "," AT(KID) "}", "", ERR_SYNTAX,
		    "one of" },
		{ WEB, "{" ES256 "," BY_URL ",\"jwk\":{}," FRESH ","
		    AT(KID) "}", "", ERR_SYNTAX, "one of" },
		{ WEB, "{" ES256 ",\"jwk\":{\"kty\":\"EC\"}," FRESH ","
		    AT(KID) "}", "", ERR_DENIED, "jwk" },
		{ WEB, "{" ES256 "," BY_URL "," FRESH "," AT(KID)
		    ",\"typ\":\"JOSE\"}", "", ERR_SYNTAX, "typ" },
		{ WEB, "{\"alg\":\"HS256\"," BY_URL "," FRESH "," AT(KID) "}",
		    "", ERR_UNSUPPORTED, "HS256" },
		{ WEB, "{\"alg\":\"RS256\"," BY_URL "," FRESH "," AT(KID) "}",
		    "", ERR_UNSUPPORTED, "" },
		{ WEB, "{" ES256 "," BY_URL ",\"nonce\":\"\"," AT(KID) "}",
		    "", ERR_SYNTAX, "nonce" },
		{ WEB, "{" ES256 "," BY_URL "," FRESH "," AT(CA "new-account")
		    "}", "{\"onlyReturnExisting\":true}", ERR_DENIED, "jwk" },
		{ UID_NOBODY, "{" ES256 "," BY_URL "," FRESH "," AT(NEW) "}",
		    ORDER(DNS("a.web.test")), ERR_DENIED, "acme.order" },
		{ WEB, "", "", ERR_SYNTAX, "JSON" },
		{ WEB, "[]", "", ERR_SYNTAX, "" },
	};

	(void)state;
	for (size_t i = 0; i < nitems(rows); i++) {
		struct signature sig;
		struct fault why;
		enum err e = sign_these(rows[i].uid, rows[i].header,
		    rows[i].payload, &sig, &why);

		if (e != rows[i].err || (e != OK &&
		    strstr(why.text, rows[i].words) == NULL))
			fail_msg("%zu: %s %s", i, err_name(e),
			    e != OK ? why.text : "");
		if (e == OK)
			check_bytes(rows[i].header, rows[i].payload, &sig);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_bodies),
		cmocka_unit_test(test_looks),
		cmocka_unit_test(test_together),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_dry_run),
		cmocka_unit_test(test_csr),
		cmocka_unit_test(test_key_authorization),
		cmocka_unit_test(test_bytes),
	};

	return cmocka_run_group_tests(tests, open_all, close_all);
}
