/* Times as CAs write them; seconds checked with date -u -d. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "../../broker/base/mem.h"
#include "../../broker/issuer/date.h"

#define BAD INT64_MIN

struct row {
	const char *text;
	int64_t seconds;
};

static const struct row rfc3339[] = {
	{ "1970-01-01T00:00:00Z", 0 },
	{ "1969-12-31T23:59:59Z", -1 },
	{ "2000-02-29T12:00:00Z", 951825600 },
	{ "2026-11-23T14:47:36Z", 1795445256 },
	{ "2026-11-23t14:47:36z", 1795445256 },
	{ "2026-11-23T14:47:36.999999999Z", 1795445256 },
	{ "2026-11-23T14:47:36.5+00:00", 1795445256 },
	{ "2026-11-23T16:17:36+01:30", 1795445256 },
	{ "2026-11-23T06:47:36-08:00", 1795445256 },
	{ "2026-11-24T00:47:36.000+10:00", 1795445256 },
	{ "2016-12-31T23:59:60Z", 1483228800 },
	{ "9999-12-31T23:59:59Z", 253402300799 },
	{ "", BAD },
	{ "2026-11-23", BAD },
	{ "2026-11-23 14:47:36Z", BAD },
	{ "2026-11-23T14:47:36", BAD },
	{ "2026-11-23T14:47Z", BAD },
	{ "2026-11-23T14:47:36.Z", BAD },
	{ "2026-11-23T14:47:36+0100", BAD },
	{ "2026-11-23T14:47:36+24:00", BAD },
	{ "2026-11-23T14:47:36Z ", BAD },
	{ " 2026-11-23T14:47:36Z", BAD },
	{ "2026-13-23T14:47:36Z", BAD },
	{ "2026-00-23T14:47:36Z", BAD },
	{ "2026-02-29T14:47:36Z", BAD },
	{ "1900-02-29T14:47:36Z", BAD },
	{ "2026-11-31T14:47:36Z", BAD },
	{ "2026-11-00T14:47:36Z", BAD },
	{ "2026-11-23T24:00:00Z", BAD },
	{ "2026-11-23T14:60:00Z", BAD },
	{ "2026-11-23T14:47:61Z", BAD },
	{ "-026-11-23T14:47:36Z", BAD },
	{ "1795445256", BAD },
};

static const struct row http[] = {
	{ "Sun, 06 Nov 1994 08:49:37 GMT", 784111777 },
	{ "Sunday, 06-Nov-94 08:49:37 GMT", 784111777 },
	{ "Sun Nov  6 08:49:37 1994", 784111777 },
	{ "Wed Nov 16 08:49:37 1994", 784975777 },
	{ "Mon, 23 Nov 2026 14:47:36 GMT", 1795445256 },
	{ "Monday, 23-Nov-26 14:47:36 GMT", 1795445256 },
	{ "Thursday, 01-Jan-76 00:00:00 GMT", 3345062400 },
	{ "Saturday, 01-Jan-77 00:00:00 GMT", 220924800 },
	{ "Sun, 06 Nov 1994 08:49:37 UTC", BAD },
	{ "Sun, 06 Nov 1994 08:49:37 +0000", BAD },
	{ "Sun, 06 Nov 1994 08:49:37", BAD },
	{ "Sun, 6 Nov 1994 08:49:37 GMT", BAD },
	{ "sun, 06 nov 1994 08:49:37 gmt", BAD },
	{ "Xxx, 06 Nov 1994 08:49:37 GMT", BAD },
	{ "Sun, 31 Nov 1994 08:49:37 GMT", BAD },
	{ "Sun, 06 Nov 1994 25:49:37 GMT", BAD },
	{ "Sun, 06 Nov 1994 08:49:37 GMT ", BAD },
	{ "Sun Nov 6 08:49:37 1994", BAD },
	{ "", BAD },
	{ "Sun", BAD },
	{ "120", BAD },
};

static void
times_of_rfc3339(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(rfc3339); i++) {
		int64_t seconds = BAD;
		bool ok = date_rfc3339(rfc3339[i].text, &seconds);

		if (ok != (rfc3339[i].seconds != BAD) ||
		    seconds != rfc3339[i].seconds)
			fail_msg("\"%s\" gives %lld", rfc3339[i].text,
			    (long long)seconds);
	}
}

static void
times_of_http(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(http); i++) {
		int64_t seconds = BAD;
		bool ok = date_http(http[i].text, 1795445256, &seconds);

		if (ok != (http[i].seconds != BAD) ||
		    seconds != http[i].seconds)
			fail_msg("\"%s\" gives %lld", http[i].text,
			    (long long)seconds);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_of_rfc3339),
		cmocka_unit_test(times_of_http),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
