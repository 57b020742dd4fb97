#include "clock.h"

#include <string.h>
#include <time.h>

int64_t
clock_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t
clock_now(void)
{
	return clock_now_ms() / 1000;
}

int64_t
clock_monotonic_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

char *
clock_rfc3339(int64_t ms, char out[static RFC3339_SIZE])
{
	static _Thread_local time_t last = -1;
	static _Thread_local char text[RFC3339_SIZE];
	static _Thread_local size_t n;
	time_t seconds = (time_t)(ms / 1000);
	unsigned rest = (unsigned)(ms % 1000);
	struct tm tm;

	if (seconds != last) {
		gmtime_r(&seconds, &tm);
		n = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
		last = seconds;
	}
	memcpy(out, text, n);
	out[n] = '.';
	out[n + 1] = (char)('0' + rest / 100);
	out[n + 2] = (char)('0' + rest / 10 % 10);
	out[n + 3] = (char)('0' + rest % 10);
	memcpy(out + n + 4, "Z", 2);
	return out;
}
