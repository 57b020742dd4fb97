#include "payload.h"

#include <stdlib.h>
#include <string.h>

#include "../../base/b64.h"
#include "../../base/mem.h"
#include "../../../api/json.h"
#include "../core.h"
#include "../store/store.h"
#include "compose.h"

#define EAB_MAX 8192 /* bytes of an external account binding */

void
payload_new_order(struct buf *out, const char *names)
{
	struct json_writer w;

	json_write_start(&w, out);
	json_open_object(&w, NULL);
	json_open_array(&w, "identifiers");
	for (const char *p = names; *p != '\0';) {
		size_t n = strcspn(p, " ");

		json_open_object(&w, NULL);
		json_put_string(&w, "type", "dns");
		json_put_stringn(&w, "value", p, n);
		json_close_object(&w);
		p += n + (p[n] == ' ');
	}
	json_close_array(&w);
	json_close_object(&w);
}

static enum err
put_eab(struct json_writer *w, const struct config_account *a,
    const char *url, struct fault *why)
{
	struct account_row row;
	unsigned char spki[SPKI_MAX];
	enum key_type type;
	struct buf eab;
	size_t n;
	enum err e;

	buf_init(&eab, EAB_MAX);
	e = store_account_get(core.store, a->name, &row, why);
	if (e == OK)
		e = keys_public(core.keys, row.key, spki, &n, &type, why);
	if (e == OK)
		e = eab_write(&eab, a->eab_kid, a->eab_alg, a->eab_key_file,
		    url, spki, n, why);
	if (e == OK)
		json_put_raw(w, "externalAccountBinding", buf_str(&eab),
		    eab.len);
	buf_free(&eab);
	return e;
}

enum err
payload_new_account(struct buf *out, const struct config_account *a,
    const char *url, bool only_existing, struct fault *why)
{
	struct json_writer w;
	enum err e = OK;

	json_write_start(&w, out);
	json_open_object(&w, NULL);
	if (only_existing) {
		json_put_bool(&w, "onlyReturnExisting", true);
		goto out;
	}
	if (a->contacts.n > 0) {
		json_open_array(&w, "contact");
		for (size_t i = 0; i < a->contacts.n; i++)
			json_put_string(&w, NULL, a->contacts.v[i]);
		json_close_array(&w);
	}
	if (a->terms_agreed)
		json_put_bool(&w, "termsOfServiceAgreed", true);
	if (a->eab_kid != NULL)
		e = put_eab(&w, a, url, why);
out:
	json_close_object(&w);
	return e;
}

void
payload_finalize(struct buf *out, const unsigned char *csr, size_t n)
{
	struct json_writer w;
	char *text = b64_encode(csr, n);

	json_write_start(&w, out);
	json_open_object(&w, NULL);
	json_put_string(&w, "csr", text);
	json_close_object(&w);
	free(text);
}
