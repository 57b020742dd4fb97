/* pkcs11: URIs that are taken, and those that are refused and why. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "../../broker/base/mem.h"
#include "../../pkcs11/uri.h"

static void
takes(void **state)
{
	static const struct {
		const char *text;
		enum uri_kind kind;
	} good[] = {
		{ "pkcs11:token=kb", URI_TOKEN },
		{ "PKCS11:token=kb", URI_TOKEN },
		{ "pkcs11:serial=c9da55d2c0d3360c", URI_TOKEN },
		{ "pkcs11:model=SoftHSM%20v2;manufacturer=SoftHSM%20project;"
		  "serial=12;token=k%3Bb", URI_TOKEN },
		{ "pkcs11:token=a&b", URI_TOKEN },
		{ "pkcs11:object=old", URI_KEY },
		{ "pkcs11:id=%01%02%ff", URI_KEY },
		{ "pkcs11:token=kb;object=old;type=private", URI_KEY },
	};
	struct fault why;

	(void)state;
	for (size_t i = 0; i < nitems(good); i++) {
		P11KitUri *uri = uri_read(good[i].text, good[i].kind, &why);

		if (uri == NULL)
			fail_msg("%s: %s", good[i].text, why.text);
		p11_kit_uri_free(uri);
	}
}

static void
refuses(void **state)
{
	static const struct {
		const char *text;
		enum uri_kind kind;
		const char *reason;
	} bad[] = {
		{ "token=kb", URI_TOKEN, "not a pkcs11: URI" },
		{ "pkcs12:token=kb", URI_TOKEN, "not a pkcs11: URI" },
		{ "", URI_TOKEN, "not a pkcs11: URI" },
		{ "pkcs11:", URI_TOKEN, "unknown" },
		{ "pkcs11:model=x", URI_TOKEN, "names no token" },
		{ "pkcs11:token=kb;", URI_TOKEN, "unknown" },
		{ "pkcs11:token", URI_TOKEN, "no value" },
		{ "pkcs11:token=", URI_TOKEN, "no value" },
		{ "pkcs11:serial=", URI_TOKEN, "no value" },
		{ "pkcs11:token=a;token=b", URI_TOKEN, "twice" },
		{ "pkcs11:tokn=a", URI_TOKEN, "\"tokn\" is unknown" },
		{ "pkcs11:token=a;x-vendor=1", URI_TOKEN, "unknown" },
		{ "pkcs11:token=a;pin-value=1234", URI_TOKEN, "pin-value" },
		{ "pkcs11:token=a?pin-value=1234", URI_TOKEN, "pin-value" },
		{ "pkcs11:token=a?pin-source=file:/p", URI_TOKEN,
		  "pin-source" },
		{ "pkcs11:token=a?module-path=/l.so", URI_TOKEN,
		  "module-path" },
		{ "pkcs11:token=a?module-name=x", URI_TOKEN, "module-name" },
		{ "pkcs11:token=a?x=y", URI_TOKEN, "unknown" },
		{ "pkcs11:token=a;slot-id=1", URI_TOKEN, "slot-id" },
		{ "pkcs11:token=a;object=b", URI_TOKEN, "names an object" },
		{ "pkcs11:token=a;id=%01", URI_TOKEN, "names an object" },
		{ "pkcs11:token=a b", URI_TOKEN, "byte 15" },
		{ "pkcs11:token=a\n", URI_TOKEN, "percent-encoded" },
		{ "pkcs11:token=\xc3\xa4", URI_TOKEN, "percent-encoded" },
		{ "pkcs11:token=a#b", URI_TOKEN, "percent-encoded" },
		{ "pkcs11:token=%zz", URI_TOKEN, "URI: " },
		{ "pkcs11:token=%4", URI_TOKEN, "URI: " },
		{ "pkcs11:token=a%00b", URI_TOKEN, "NUL" },
		{ "pkcs11:token=123456789012345678901234567890123", URI_TOKEN,
		  "match nothing" },
		{ "pkcs11:token=kb", URI_KEY, "names no key" },
		{ "pkcs11:object=a;type=public", URI_KEY, "type" },
		{ "pkcs11:object=a;type=quux", URI_KEY, "match nothing" },
	};
	struct fault why;

	(void)state;
	for (size_t i = 0; i < nitems(bad); i++) {
		assert_null(uri_read(bad[i].text, bad[i].kind, &why));
		assert_int_equal(why.code, ERR_CONFIG);
		if (strstr(why.text, bad[i].reason) == NULL)
			fail_msg("%s: %s", bad[i].text, why.text);
		assert_null(strstr(why.text, "1234"));
	}
}

static void
refuses_long(void **state)
{
	char text[4000] = "pkcs11:token=";
	struct fault why;

	(void)state;
	memset(text + strlen(text), 'a', 3000);
	assert_null(uri_read(text, URI_TOKEN, &why));
}

static void
label_to_uri(void **state)
{
	char *text = uri_of_label("My Token; 50% #1?");
	struct fault why;
	P11KitUri *uri;

	(void)state;
	uri = uri_read(text, URI_TOKEN, &why);
	assert_non_null(uri);
	assert_memory_equal(p11_kit_uri_get_token_info(uri)->label,
	    "My Token; 50% #1?               ", 32);
	p11_kit_uri_free(uri);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes),
		cmocka_unit_test(refuses),
		cmocka_unit_test(refuses_long),
		cmocka_unit_test(label_to_uri),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
