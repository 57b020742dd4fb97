#include "date.h"

#include <string.h>
#include <strings.h>

#include "../base/mem.h"

struct civil {
	unsigned year, month, day, hour, minute, second;
};

static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
	"Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

static const char *const days[] = { "Monday", "Tuesday", "Wednesday",
	"Thursday", "Friday", "Saturday", "Sunday" };

/* A cursor over the text: each eat_*() moves it on or gives false. */
static bool
eat_digits(const char **p, unsigned count, unsigned *out)
{
	unsigned v = 0;

	for (unsigned i = 0; i < count; i++, (*p)++) {
		if (**p < '0' || **p > '9')
			return false;
		v = v * 10 + (unsigned)(**p - '0');
	}
	*out = v;
	return true;
}

static bool
eat(const char **p, const char *word)
{
	size_t n = strlen(word);

	if (strncmp(*p, word, n) != 0)
		return false;
	*p += n;
	return true;
}

static bool
eat_month(const char **p, unsigned *out)
{
	for (unsigned i = 0; i < nitems(months); i++)
		if (eat(p, months[i])) {
			*out = i + 1;
			return true;
		}
	return false;
}

static bool
eat_clock(const char **p, struct civil *c)
{
	return eat_digits(p, 2, &c->hour) && eat(p, ":") &&
	    eat_digits(p, 2, &c->minute) && eat(p, ":") &&
	    eat_digits(p, 2, &c->second);
}

static bool
is_leap(unsigned year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static bool
civil_ok(const struct civil *c)
{
	static const unsigned char length[] = { 31, 28, 31, 30, 31, 30, 31,
		31, 30, 31, 30, 31 };
	unsigned last;

	if (c->year < 1 || c->month < 1 || c->month > 12)
		return false;
	last = length[c->month - 1] +
	    (c->month == 2 && is_leap(c->year) ? 1u : 0u);
	return c->day >= 1 && c->day <= last && c->hour <= 23 &&
	    c->minute <= 59 && c->second <= 60;
}

/* Days are counted in years that begin in March, so that the leap day is the
 * last one of its year. */
static int64_t
civil_seconds(const struct civil *c)
{
	int64_t year = (int64_t)c->year - (c->month <= 2);
	int64_t month = (c->month + 9) % 12;
	int64_t day = 365 * year + year / 4 - year / 100 + year / 400 +
	    (month * 153 + 2) / 5 + c->day - 1 - 719468;

	return day * 86400 + c->hour * 3600 + c->minute * 60 + c->second;
}

static bool
eat_offset(const char **p, int64_t *seconds)
{
	unsigned hour, minute;
	int64_t sign = **p == '-' ? -1 : 1;

	if (eat(p, "Z") || eat(p, "z")) {
		*seconds = 0;
		return true;
	}
	if (!eat(p, "+") && !eat(p, "-"))
		return false;
	if (!eat_digits(p, 2, &hour) || !eat(p, ":") ||
	    !eat_digits(p, 2, &minute) || hour > 23 || minute > 59)
		return false;
	*seconds = sign * (int64_t)(hour * 3600 + minute * 60);
	return true;
}

bool
date_rfc3339(const char *text, int64_t *seconds)
{
	struct civil c;
	const char *p = text;
	int64_t offset;

	if (!eat_digits(&p, 4, &c.year) || !eat(&p, "-") ||
	    !eat_digits(&p, 2, &c.month) || !eat(&p, "-") ||
	    !eat_digits(&p, 2, &c.day) || (!eat(&p, "T") && !eat(&p, "t")) ||
	    !eat_clock(&p, &c))
		return false;
	if (eat(&p, ".")) {
		size_t digits = strspn(p, "0123456789");

		if (digits == 0)
			return false;
		p += digits;
	}
	if (!eat_offset(&p, &offset) || *p != '\0' || !civil_ok(&c))
		return false;
	*seconds = civil_seconds(&c) - offset;
	return true;
}

/* "Sun, 06 Nov 1994 08:49:37 GMT" */
static bool
imf_fixdate(const char *p, int64_t now, struct civil *c)
{
	(void)now;
	return eat(&p, ", ") && eat_digits(&p, 2, &c->day) && eat(&p, " ") &&
	    eat_month(&p, &c->month) && eat(&p, " ") &&
	    eat_digits(&p, 4, &c->year) && eat(&p, " ") && eat_clock(&p, c) &&
	    eat(&p, " GMT") && *p == '\0';
}

/* "Sunday, 06-Nov-94 08:49:37 GMT"; a year that would lie more than fifty
 * years ahead is one of the century before. */
static bool
rfc850_date(const char *p, int64_t now, struct civil *c)
{
	unsigned year = 1970 + (unsigned)(now / 31556952);

	if (!eat(&p, ", ") || !eat_digits(&p, 2, &c->day) || !eat(&p, "-") ||
	    !eat_month(&p, &c->month) || !eat(&p, "-") ||
	    !eat_digits(&p, 2, &c->year) || !eat(&p, " ") ||
	    !eat_clock(&p, c) || !eat(&p, " GMT") || *p != '\0')
		return false;
	c->year += year - year % 100;
	if (c->year > year + 50)
		c->year -= 100;
	return true;
}

/* "Sun Nov  6 08:49:37 1994" */
static bool
asctime_date(const char *p, int64_t now, struct civil *c)
{
	(void)now;
	if (!eat(&p, " ") || !eat_month(&p, &c->month) || !eat(&p, " "))
		return false;
	if (eat(&p, " ") ? !eat_digits(&p, 1, &c->day) :
	    !eat_digits(&p, 2, &c->day))
		return false;
	return eat(&p, " ") && eat_clock(&p, c) && eat(&p, " ") &&
	    eat_digits(&p, 4, &c->year) && *p == '\0';
}

/* The length of the day's name at p, long or short; 0 when it is none. */
static size_t
day_length(const char *p)
{
	for (size_t i = 0; i < nitems(days); i++) {
		if (strncmp(p, days[i], strlen(days[i])) == 0)
			return strlen(days[i]);
		if (strncmp(p, days[i], 3) == 0)
			return 3;
	}
	return 0;
}

bool
date_http(const char *text, int64_t now, int64_t *seconds)
{
	static bool (*const forms[])(const char *, int64_t, struct civil *) = {
		imf_fixdate, rfc850_date, asctime_date
	};
	size_t day = day_length(text);
	struct civil c;

	if (day == 0)
		return false;
	for (size_t i = 0; i < nitems(forms); i++)
		if (forms[i](text + day, now, &c) && civil_ok(&c)) {
			*seconds = civil_seconds(&c);
			return true;
		}
	return false;
}
