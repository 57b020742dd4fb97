/*
 * Times as CAs write them, against what the C library reads: the same second,
 * or a text that one of the two does not take.
 */
#include <time.h>

#include "../../broker/base/mem.h"
#include "../../broker/issuer/date.h"
#include "../../broker/issuer/header.h"
#include "fuzz.h"

#define NOW  1800000000

static void
require_http(const char *text, int64_t seconds)
{
	char again[64];
	struct tm tm = { 0 };
	const char *end;
	int64_t same;
	time_t t = (time_t)seconds;

	require(gmtime_r(&t, &tm) != NULL);
	strftime(again, sizeof(again), "%a, %d %b %Y %H:%M:%S GMT", &tm);
	if (tm.tm_year >= 1000 - 1900)
		require(date_http(again, NOW, &same) && same == seconds);
	tm = (struct tm){ 0 };
	end = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
	if (end != NULL && *end == '\0')
		require(timegm(&tm) == seconds);
}

static void
require_rfc3339(const char *text, int64_t seconds)
{
	struct tm tm = { 0 };
	const char *end;

	require(seconds > -63000000000LL && seconds < 254000000000LL);
	end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);
	if (end != NULL && *end == '\0')
		require(timegm(&tm) == seconds);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	char *text = xstrndup((const char *)p, n);
	int64_t seconds, wait = headers_retry_after(text, NOW);

	if (date_http(text, NOW, &seconds)) {
		require_http(text, seconds);
		require(wait == (seconds <= NOW ? 0 :
		    seconds - NOW < RETRY_AFTER_MAX ? seconds - NOW :
		    RETRY_AFTER_MAX));
	}
	if (date_rfc3339(text, &seconds))
		require_rfc3339(text, seconds);
	require(wait >= -1 && wait <= RETRY_AFTER_MAX);
	free(text);
	return 0;
}
