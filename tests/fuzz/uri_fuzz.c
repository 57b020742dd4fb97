/*
 * PKCS#11 URIs.  What the check of the configuration accepts, the lanes that
 * are started with it accept, too; what a lane accepts is the same URI after
 * p11-kit has written it.
 */
#include "../../broker/base/mem.h"
#include "../../pkcs11/uri.h"
#include "../../policy/text.h"
#include "fuzz.h"

/* Fields of a token are padded with blanks, so that one of blanks is empty
 * when p11-kit writes it. */
static bool
has_blank(const char *text)
{
	return strstr(text, "=;") != NULL || text[strlen(text) - 1] == '=';
}

static void
require_stable(P11KitUri *uri, enum uri_kind kind)
{
	char *text = NULL, *again = NULL;
	struct fault why;
	P11KitUri *second;

	require(p11_kit_uri_format(uri, P11_KIT_URI_FOR_ANY, &text) ==
	    P11_KIT_URI_OK);
	second = uri_read(text, kind, &why);
	require(second != NULL || has_blank(text));
	if (second != NULL) {
		require(p11_kit_uri_format(second, P11_KIT_URI_FOR_ANY,
		    &again) == P11_KIT_URI_OK);
		require(strcmp(text, again) == 0);
	}
	require(p11_kit_uri_get_pin_value(uri) == NULL &&
	    p11_kit_uri_get_pin_source(uri) == NULL &&
	    p11_kit_uri_get_module_path(uri) == NULL &&
	    p11_kit_uri_get_slot_id(uri) == (CK_SLOT_ID)-1);
	p11_kit_uri_free(second);
	free(text);
	free(again);
}

static void
try_kind(const char *text, enum uri_kind kind, const char *complaint)
{
	struct fault why = { 0 };
	P11KitUri *uri = uri_read(text, kind, &why);

	if (uri == NULL) {
		require_fault(why.code, &why);
		require(complaint != NULL);
		return;
	}
	require_stable(uri, kind);
	p11_kit_uri_free(uri);
}

/* Of any label, the URI names that label. */
static void
try_label(const char *label)
{
	CK_TOKEN_INFO info;
	char *text = uri_of_label(label);
	size_t n = strlen(label);
	struct fault why;
	P11KitUri *uri;

	memset(&info, ' ', sizeof(info));
	if (n > 0 && n <= sizeof(info.label) && label[n - 1] != ' ') {
		memcpy(info.label, label, n);
		uri = uri_read(text, URI_TOKEN, &why);
		require(uri != NULL);
		require(p11_kit_uri_match_token_info(uri, &info));
		p11_kit_uri_free(uri);
	}
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	char *text = xstrndup((const char *)p, n);

	try_kind(text, URI_TOKEN, check_token_uri(text));
	try_kind(text, URI_KEY, check_key_uri(text));
	try_label(text);
	free(text);
	return 0;
}
