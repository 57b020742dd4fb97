#include "schema.h"

#include <stddef.h>

#include "../broker/base/mem.h"
#include "text.h"

#define MINUTE 60
#define HOUR   3600
#define DAY    86400
#define YEAR   (366 * DAY)

static const struct choice levels[] = {
	{ "error", LOG_LEVEL_ERROR, 0 }, { "warning", LOG_LEVEL_WARNING, 0 },
	{ "info", LOG_LEVEL_INFO, 0 }, { "debug", LOG_LEVEL_DEBUG, 0 },
	{ NULL, 0, 0 }
};
static const struct choice sandboxes[] = {
#define X(id, word, least) { word, id, 0 },
	SANDBOX_DEMANDS(X)
#undef X
	{ NULL, 0, 0 }
};
static const struct choice audits[] = {
	{ "durable", AUDIT_DURABLE, 0 }, { "relaxed", AUDIT_RELAXED, 0 },
	{ NULL, 0, 0 }
};
static const struct choice protocols[] = {
	{ "lacme-accountd", PROTOCOL_LACME_ACCOUNTD, BLOCK_LACME },
	{ "http", PROTOCOL_HTTP, 0 }, { NULL, 0, 0 }
};
static const struct choice pin_counts[] = {
	{ "refuse", false, 0 }, { "allow", true, 0 }, { NULL, 0, 0 }
};
static const struct choice purposes[] = {
	{ "account", PURPOSE_ACCOUNT, 0 }, { "cert", PURPOSE_CERTIFICATE, 0 },
	{ "audit", PURPOSE_AUDIT, 0 }, { NULL, 0, 0 }
};
static const struct choice verifies[] = {
	{ "always", VERIFY_ALWAYS, 0 }, { "sample", VERIFY_SAMPLE, 0 },
	{ NULL, 0, 0 }
};
static const struct choice agreements[] = {
	{ "agreed", true, 0 }, { NULL, 0, 0 }
};
static const struct choice countings[] = {
	{ "counted", true, 0 }, { NULL, 0, 0 }
};
static const struct choice macs[] = {
	{ "HS256", 0, 0 }, { "HS384", 0, 0 }, { "HS512", 0, 0 },
	{ NULL, 0, 0 }
};
static const struct choice key_types[] = {
	{ "ec-p256", KEY_EC_P256, BLOCK_KEY_NEW },
	{ "ec-p384", KEY_EC_P384, BLOCK_KEY_NEW },
	{ "rsa-2048", KEY_RSA_2048, BLOCK_KEY_NEW },
	{ "rsa-3072", KEY_RSA_3072, BLOCK_KEY_NEW },
	{ "rsa-4096", KEY_RSA_4096, BLOCK_KEY_NEW },
	{ "ed25519", KEY_ED25519, BLOCK_KEY_NEW },
	{ "foreign", KEY_TYPE__MAX, BLOCK_KEY_FOREIGN },
	{ NULL, 0, 0 }
};
/* A webroot within the block turns the first into the second. */
static const struct choice challenges[] = {
	{ "http-01", CHALLENGE_HTTP_LISTENER, BLOCK_HTTP01 },
	{ "http-01", CHALLENGE_HTTP_WEBROOT, BLOCK_HTTP01 },
	{ "dns-01", CHALLENGE_DNS_HOOK, BLOCK_DNS01 },
	{ NULL, 0, 0 }
};

#define ARRAY(parent, field, element, number)                     \
	{ offsetof(struct parent, field),                          \
	    offsetof(struct parent, number), sizeof(struct element), \
	    offsetof(struct element, line) }
#define RULE_ARRAY ARRAY(config, rules, config_rule, nrules)

/* Where a value is stored: in struct config, or in struct config_THING. */
#define TOP(field)	.offset = offsetof(struct config, field)
#define AT(thing, field) .offset = offsetof(struct config_##thing, field)

#define KEYS	 (IN(BLOCK_KEY_NEW) | IN(BLOCK_KEY_FOREIGN))
#define PROGRAMS (IN(BLOCK_DNS_PROGRAM) | IN(BLOCK_DEPLOY))
#define RULES	 (IN(BLOCK_ALLOW) | IN(BLOCK_DENY))
#define LIST_MAX  1000
#define RATES_MAX 8

/* The rows of one block stand in the order in which they are printed. */
const struct row schema[] = {
	/* The top level. */
	{ IN(BLOCK_TOP), "state", VALUE_TEXT, REQUIRED, TOP(state),
	    .check = check_path },
	{ IN(BLOCK_TOP), "log", VALUE_WORD, 0, TOP(log), .fallback = "info",
	    .choices = levels },
	{ IN(BLOCK_TOP), "sandbox", VALUE_WORD, 0, TOP(sandbox),
	    .fallback = "available", .choices = sandboxes },
	{ IN(BLOCK_TOP), "audit", VALUE_WORD, IMPLIED | BLOCK_OPTIONAL,
	    TOP(audit), .fallback = "durable", .choices = audits,
	    .opens = BLOCK_AUDIT },
	{ IN(BLOCK_TOP), "http-listen", VALUE_TEXT, 0, TOP(http_listen),
	    .check = check_address },
	{ IN(BLOCK_TOP), "key-grace", VALUE_SECONDS, 0, TOP(key_grace),
	    .fallback = "7d", .high = 10ULL * YEAR },
	{ IN(BLOCK_TOP), "limits", VALUE_BLOCK, IMPLIED,
	    .opens = BLOCK_LIMITS },
	{ IN(BLOCK_TOP), "core", VALUE_BLOCK, IMPLIED, .opens = BLOCK_CORE },
	{ IN(BLOCK_TOP), "issuer", VALUE_BLOCK, IMPLIED,
	    .opens = BLOCK_ISSUER },
	{ IN(BLOCK_TOP), "signer", VALUE_BLOCK, IMPLIED,
	    .opens = BLOCK_SIGNER },
	{ IN(BLOCK_TOP), "listener", VALUE_ITEM, REPEATED | BLOCK_OPTIONAL,
	    .array = ARRAY(config, listeners, config_listener, nlisteners),
	    .opens = BLOCK_LISTENER },
	{ IN(BLOCK_TOP), "token", VALUE_ITEM, REPEATED,
	    .array = ARRAY(config, tokens, config_token, ntokens),
	    .opens = BLOCK_TOKEN },
	{ IN(BLOCK_TOP), "ca", VALUE_ITEM, REPEATED,
	    .array = ARRAY(config, cas, config_ca, ncas),
	    .opens = BLOCK_CA },
	{ IN(BLOCK_TOP), "account", VALUE_ITEM, REPEATED,
	    .array = ARRAY(config, accounts, config_account, naccounts),
	    .opens = BLOCK_ACCOUNT },
	{ IN(BLOCK_TOP), "certificate", VALUE_ITEM, REPEATED,
	    .array = ARRAY(config, certificates, config_certificate,
		ncertificates), .opens = BLOCK_CERTIFICATE },
	{ IN(BLOCK_TOP), "tenant", VALUE_ITEM, REPEATED,
	    .array = ARRAY(config, tenants, config_tenant, ntenants),
	    .opens = BLOCK_TENANT },
	{ IN(BLOCK_TOP), "allow", VALUE_RULE, REPEATED,
	    .refers = REFERS_TENANT, .array = RULE_ARRAY,
	    .opens = BLOCK_ALLOW },
	{ IN(BLOCK_TOP), "deny", VALUE_RULE, REPEATED,
	    .refers = REFERS_TENANT, .array = RULE_ARRAY,
	    .opens = BLOCK_DENY },

	/* The broker's own parts. */
	{ IN(BLOCK_AUDIT), "token", VALUE_TEXT, 0, TOP(audit_token),
	    .check = check_name, .refers = REFERS_TOKEN },
	{ IN(BLOCK_AUDIT), "rotate", VALUE_BYTES, 0, TOP(audit_rotate),
	    .fallback = "256MiB", .low = 65536, .high = 4293918720 },
	{ IN(BLOCK_AUDIT), "checkpoint", VALUE_BLOCK, IMPLIED,
	    .opens = BLOCK_CHECKPOINT },
	{ IN(BLOCK_CHECKPOINT), "lines", VALUE_COUNT, 0,
	    TOP(checkpoint_lines), .fallback = "1000", .low = 1,
	    .high = 1000000 },
	{ IN(BLOCK_CHECKPOINT), "every", VALUE_SECONDS, 0,
	    TOP(checkpoint_seconds), .fallback = "1h", .low = 1,
	    .high = 30 * DAY },
	{ IN(BLOCK_LIMITS), "connections", VALUE_COUNT, 0, TOP(connections),
	    .fallback = "128", .low = 1, .high = 65535 },
	{ IN(BLOCK_LIMITS), "connections-per-uid", VALUE_COUNT, 0,
	    TOP(connections_per_uid), .fallback = "32", .low = 1,
	    .high = 65535 },
	{ IN(BLOCK_LIMITS), "connections-per-tenant", VALUE_COUNT, 0,
	    TOP(connections_per_tenant), .fallback = "64", .low = 1,
	    .high = 65535 },
	{ IN(BLOCK_LIMITS), "idle", VALUE_SECONDS, 0, TOP(idle),
	    .fallback = "60s", .low = 1, .high = DAY },
	{ IN(BLOCK_LIMITS), "request-deadline", VALUE_SECONDS, 0,
	    TOP(request_deadline), .fallback = "10s", .low = 1,
	    .high = HOUR },
	{ IN(BLOCK_LIMITS), "body", VALUE_BYTES, 0, TOP(body_max),
	    .fallback = "64KiB", .low = 1024, .high = 16777216 },
	{ IN(BLOCK_LIMITS), "lane-queue", VALUE_COUNT, 0, TOP(lane_queue),
	    .fallback = "256", .low = 1, .high = 65536 },
	{ IN(BLOCK_ISSUER), "workers", VALUE_COUNT, 0, TOP(issuer_workers),
	    .fallback = "4", .low = 1, .high = 64 },
	{ IN(BLOCK_CORE), "user", VALUE_USER, 0, TOP(user_core),
	    .check = check_login },
	{ IN(BLOCK_CORE), "uid", VALUE_UID, 0, TOP(user_core) },
	{ IN(BLOCK_ISSUER), "user", VALUE_USER, 0, TOP(user_issuer),
	    .check = check_login },
	{ IN(BLOCK_ISSUER), "uid", VALUE_UID, 0, TOP(user_issuer) },
	{ IN(BLOCK_SIGNER), "user", VALUE_USER, 0, TOP(user_signer),
	    .check = check_login },
	{ IN(BLOCK_SIGNER), "uid", VALUE_UID, 0, TOP(user_signer) },
	{ IN(BLOCK_LISTENER), "path", VALUE_TEXT, 0, AT(listener, path),
	    .check = check_socket },
	{ IN(BLOCK_LISTENER), "mode", VALUE_MODE, 0, AT(listener, mode),
	    .fallback = "0660" },
	{ IN(BLOCK_LISTENER), "user", VALUE_USER, 0, AT(listener, user),
	    .check = check_login },
	{ IN(BLOCK_LISTENER), "uid", VALUE_UID, 0, AT(listener, user) },
	{ IN(BLOCK_LISTENER), "group", VALUE_GROUP, 0, AT(listener, group),
	    .check = check_login },
	{ IN(BLOCK_LISTENER), "gid", VALUE_GID, 0, AT(listener, group) },
	{ IN(BLOCK_LISTENER), "protocol", VALUE_WORD, BLOCK_OPTIONAL,
	    AT(listener, protocol), .fallback = "http",
	    .choices = protocols },
	{ IN(BLOCK_LACME), "account", VALUE_TEXT, REQUIRED,
	    AT(listener, account), .check = check_name,
	    .refers = REFERS_ACCOUNT },

	/* Tokens and the keys in them. */
	{ IN(BLOCK_TOKEN), "module", VALUE_TEXT, REQUIRED, AT(token, module),
	    .check = check_module },
	{ IN(BLOCK_TOKEN), "uri", VALUE_TEXT, REQUIRED, AT(token, uri),
	    .check = check_token_uri },
	{ IN(BLOCK_TOKEN), "pin-source", VALUE_PIN, REQUIRED,
	    .check = check_pin_source },
	{ IN(BLOCK_TOKEN), "lanes", VALUE_COUNT, 0, AT(token, lanes),
	    .fallback = "2", .low = 1, .high = 64 },
	{ IN(BLOCK_TOKEN), "pin-count-low", VALUE_FLAG, 0,
	    AT(token, pin_count_low_allowed), .fallback = "refuse",
	    .choices = pin_counts },
	{ IN(BLOCK_TOKEN), "deadline", VALUE_SECONDS, 0, AT(token, deadline),
	    .fallback = "10s", .low = 1, .high = HOUR },
	{ IN(BLOCK_TOKEN), "generate-deadline", VALUE_SECONDS, 0,
	    AT(token, generate_deadline), .fallback = "5m", .low = 1,
	    .high = HOUR },
	{ IN(BLOCK_TOKEN), "key", VALUE_ITEM, REPEATED,
	    .array = ARRAY(config_token, keys, config_foreign_key, nkeys),
	    .opens = BLOCK_FOREIGN },
	{ IN(BLOCK_FOREIGN), "uri", VALUE_TEXT, REQUIRED,
	    AT(foreign_key, uri), .check = check_key_uri },
	{ IN(BLOCK_FOREIGN), "purpose", VALUE_WORD, REQUIRED,
	    AT(foreign_key, purpose), .choices = purposes },
	{ IN(BLOCK_FOREIGN), "spki-sha256", VALUE_SPKI, .flags = 0 },
	{ KEYS, "token", VALUE_TEXT, REQUIRED, AT(key, token),
	    .check = check_name, .refers = REFERS_TOKEN },
	{ IN(BLOCK_KEY_FOREIGN), "name", VALUE_TEXT, REQUIRED, AT(key, name),
	    .check = check_name },
	{ KEYS, "verify", VALUE_WORD, 0, AT(key, verify),
	    .fallback = "always", .choices = verifies },

	/* CAs, accounts and certificates. */
	{ IN(BLOCK_CA), "directory", VALUE_TEXT, REQUIRED, AT(ca, directory),
	    .check = check_https },
	{ IN(BLOCK_CA), "origins", VALUE_TEXTS, REPEATED | DISTINCT,
	    AT(ca, origins), .high = 10, .check = check_https },
	{ IN(BLOCK_CA), "trust", VALUE_TEXT, 0, AT(ca, trust),
	    .check = check_path },
	{ IN(BLOCK_CA), "anchors", VALUE_TEXT, 0, AT(ca, anchors),
	    .check = check_path },
	{ IN(BLOCK_CA), "preferred-chain", VALUE_TEXT, 0,
	    AT(ca, preferred_chain), .check = check_text },
	{ IN(BLOCK_CA), "timeout", VALUE_SECONDS, 0, AT(ca, timeout),
	    .fallback = "60s", .low = 1, .high = HOUR },
	{ IN(BLOCK_CA), "order-deadline", VALUE_SECONDS, 0,
	    AT(ca, order_deadline), .fallback = "1h", .low = 1,
	    .high = 30 * DAY },
	{ IN(BLOCK_CA), "budget", VALUE_BLOCK, 0, .opens = BLOCK_BUDGET },
	{ IN(BLOCK_BUDGET), "new-orders", VALUE_RATES, 0,
	    AT(ca, budget.new_orders), .high = RATES_MAX },
	{ IN(BLOCK_BUDGET), "duplicates", VALUE_RATES, 0,
	    AT(ca, budget.duplicates), .high = RATES_MAX },
	{ IN(BLOCK_BUDGET), "per-domain", VALUE_RATES, 0,
	    AT(ca, budget.per_domain), .high = RATES_MAX },
	{ IN(BLOCK_BUDGET), "renewals", VALUE_FLAG, 0,
	    AT(ca, budget.renewals_counted), .choices = countings },
	{ IN(BLOCK_ACCOUNT), "ca", VALUE_TEXT, REQUIRED, AT(account, ca),
	    .check = check_name, .refers = REFERS_CA },
	{ IN(BLOCK_ACCOUNT), "key", VALUE_WORD, REQUIRED | BLOCK_OPTIONAL,
	    AT(account, key.type), .choices = key_types,
	    .sub = offsetof(struct config_account, key) },
	{ IN(BLOCK_ACCOUNT), "contact", VALUE_TEXTS, REPEATED | DISTINCT,
	    AT(account, contacts), .high = 10, .check = check_contact },
	{ IN(BLOCK_ACCOUNT), "terms", VALUE_FLAG, 0,
	    AT(account, terms_agreed), .choices = agreements },
	{ IN(BLOCK_ACCOUNT), "eab", VALUE_BLOCK, 0, .opens = BLOCK_EAB },
	{ IN(BLOCK_EAB), "kid", VALUE_TEXT, REQUIRED, AT(account, eab_kid),
	    .check = check_text },
	{ IN(BLOCK_EAB), "key-file", VALUE_TEXT, REQUIRED,
	    AT(account, eab_key_file), .check = check_path },
	{ IN(BLOCK_EAB), "algorithm", VALUE_WORD_TEXT, 0,
	    AT(account, eab_alg), .fallback = "HS256", .choices = macs },
	{ IN(BLOCK_CERTIFICATE), "account", VALUE_TEXT, REQUIRED,
	    AT(certificate, account), .check = check_name,
	    .refers = REFERS_ACCOUNT },
	{ IN(BLOCK_CERTIFICATE), "names", VALUE_TEXTS, REQUIRED | DISTINCT,
	    AT(certificate, names), .high = 100, .check = check_dns_name },
	{ IN(BLOCK_CERTIFICATE), "key", VALUE_WORD,
	    REQUIRED | BLOCK_OPTIONAL, AT(certificate, key.type),
	    .choices = key_types,
	    .sub = offsetof(struct config_certificate, key) },
	{ IN(BLOCK_CERTIFICATE), "challenge", VALUE_WORD,
	    REQUIRED | BLOCK_OPTIONAL, AT(certificate, challenge),
	    .choices = challenges },
	{ IN(BLOCK_HTTP01), "webroot", VALUE_TEXT, 0,
	    AT(certificate, webroot), .check = check_path },
	{ IN(BLOCK_DNS01), "program", VALUE_TEXT, REQUIRED | BLOCK_OPTIONAL,
	    AT(certificate, dns.path), .check = check_path,
	    .opens = BLOCK_DNS_PROGRAM,
	    .sub = offsetof(struct config_certificate, dns) },
	{ IN(BLOCK_DNS01), "wait", VALUE_SECONDS, 0,
	    AT(certificate, dns_wait), .fallback = "10s", .high = DAY },
	{ IN(BLOCK_CERTIFICATE), "deploy", VALUE_TEXT, BLOCK_OPTIONAL,
	    AT(certificate, deploy.path), .check = check_path,
	    .opens = BLOCK_DEPLOY,
	    .sub = offsetof(struct config_certificate, deploy) },
	{ PROGRAMS, "argument", VALUE_TEXTS, REPEATED,
	    AT(program, arguments), .high = 64, .check = check_argument },
	{ PROGRAMS, "user", VALUE_USER, 0, AT(program, user),
	    .check = check_login },
	{ PROGRAMS, "uid", VALUE_UID, 0, AT(program, user) },
	{ PROGRAMS, "timeout", VALUE_SECONDS, 0, AT(program, timeout),
	    .fallback = "60s", .low = 1, .high = HOUR },
	{ PROGRAMS, "retries", VALUE_COUNT, 0, AT(program, retries),
	    .fallback = "5", .high = 100 },

	/* Policy. */
	{ IN(BLOCK_TENANT), "user", VALUE_USERS, REPEATED | DISTINCT,
	    .high = LIST_MAX, .check = check_login },
	{ IN(BLOCK_TENANT), "uid", VALUE_UIDS, REPEATED | DISTINCT,
	    .high = LIST_MAX },
	{ IN(BLOCK_TENANT), "group", VALUE_GROUPS, REPEATED | DISTINCT,
	    .high = LIST_MAX, .check = check_login },
	{ IN(BLOCK_TENANT), "gid", VALUE_GIDS, REPEATED | DISTINCT,
	    .high = LIST_MAX },
	{ IN(BLOCK_TENANT), "listener", VALUE_TEXTS, REPEATED | DISTINCT,
	    AT(tenant, listeners), .high = LIST_MAX, .check = check_name,
	    .refers = REFERS_LISTENER },
	{ IN(BLOCK_TENANT), "owns", VALUE_TEXTS, REPEATED | DISTINCT,
	    AT(tenant, owns), .high = LIST_MAX, .check = check_owned },
	{ IN(BLOCK_TENANT), "sees", VALUE_TEXTS, REPEATED | DISTINCT,
	    AT(tenant, sees), .high = LIST_MAX, .check = check_pattern,
	    .refers = REFERS_TENANT },
	{ IN(BLOCK_TENANT), "share", VALUE_COUNT, 0, AT(tenant, share),
	    .fallback = "1", .low = 1, .high = 1000 },
	{ RULES, "operations", VALUE_OPERATIONS, REQUIRED | DISTINCT,
	    AT(rule, operation_words), .high = OP__MAX },
	{ RULES, "names", VALUE_TEXTS, DISTINCT, AT(rule, names),
	    .high = LIST_MAX, .check = check_name_pattern },
	{ RULES, "ips", VALUE_TEXTS, DISTINCT, AT(rule, ips),
	    .high = LIST_MAX, .check = check_ip_pattern },
	{ RULES, "keys", VALUE_TEXTS, DISTINCT, AT(rule, keys),
	    .high = LIST_MAX, .check = check_pattern },
	{ RULES, "accounts", VALUE_TEXTS, DISTINCT, AT(rule, accounts),
	    .high = LIST_MAX, .check = check_pattern,
	    .refers = REFERS_ACCOUNT },
	{ RULES, "cas", VALUE_TEXTS, DISTINCT, AT(rule, cas),
	    .high = LIST_MAX, .check = check_pattern, .refers = REFERS_CA },
	{ RULES, "certificates", VALUE_TEXTS, DISTINCT,
	    AT(rule, certificates), .high = LIST_MAX,
	    .check = check_pattern },
	{ RULES, "profiles", VALUE_TEXTS, DISTINCT, AT(rule, profiles),
	    .high = LIST_MAX, .check = check_profile_pattern },
	{ IN(BLOCK_ALLOW), "rate", VALUE_RATES, 0, AT(rule, rates),
	    .high = RATES_MAX },
	{ RULES, "until", VALUE_UNTIL, .flags = 0 },
};
const size_t schema_rows = nitems(schema);
