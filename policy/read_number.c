/* Readers of numbers: whole, in range, with their unit, nothing cut. */
#include <string.h>

#include "grow.h"
#include "read.h"

struct unit {
	const char *word;
	uint64_t factor;
};

static const struct unit times[] = { { "s", 1 }, { "m", 60 }, { "h", 3600 },
	{ "d", 86400 }, { NULL, 0 } };
static const struct unit sizes[] = { { "B", 1 }, { "KiB", 1024 },
	{ "MiB", 1048576 }, { NULL, 0 } };

static size_t
digits(const char *s)
{
	return strspn(s, "0123456789");
}

bool
decimal(const char *s, size_t n, uint64_t most, uint64_t *value)
{
	uint64_t v = 0;

	if (n == 0 || (n > 1 && s[0] == '0'))
		return false;
	for (size_t i = 0; i < n; i++) {
		uint64_t digit = (uint64_t)(s[i] - '0');

		if (digit > 9 || digit > most || v > (most - digit) / 10)
			return false;
		v = v * 10 + digit;
	}
	*value = v;
	return v <= most;
}

static const struct unit *
find_unit(const struct unit *units, const char *word)
{
	for (; units->word != NULL; units++)
		if (strcmp(units->word, word) == 0)
			return units;
	return NULL;
}

/*
 * Reads digits and a unit.  A value with a fraction, several units or a
 * leading zero is refused, and so is one that does not fit low to high.
 */
static bool
quantity(const struct reading *r, const struct row *row,
    const struct token *value, const struct unit *units, uint64_t low,
    uint64_t high, uint64_t *out)
{
	bool time = units == times;
	size_t n = digits(value->text);
	const struct unit *unit = find_unit(units, value->text + n);
	const char *complaint = NULL;

	if (n == 0)
		complaint = time ? "is not a time such as 30s" :
		    "is not a size such as 64KiB";
	else if (value->text[n] == '\0')
		complaint = time ? "needs a unit: s, m, h or d" :
		    "needs a unit: B, KiB or MiB";
	else if (unit == NULL)
		complaint = time ? "has an unknown unit; there are s, m, h, d"
		    : "has an unknown unit; there are B, KiB, MiB";
	else if (value->text[0] == '0' && n > 1)
		complaint = "has a leading zero";
	else if (!decimal(value->text, n, high / unit->factor, out) ||
	    *out * unit->factor < low)
		complaint = "is out of range";
	if (complaint == NULL) {
		*out *= unit->factor;
		return true;
	}
	complain(r, row, value, complaint);
	return false;
}

READER(read_seconds)
{
	uint64_t v;

	if (quantity(r, row, node->values, times, row->low, row->high, &v))
		*(unsigned *)field(base, row) = (unsigned)v;
}

READER(read_bytes)
{
	uint64_t v;

	if (quantity(r, row, node->values, sizes, row->low, row->high, &v))
		*(unsigned *)field(base, row) = (unsigned)v;
}

/* Reads a plain number from low to high. */
static bool
count(const struct reading *r, const struct row *row,
    const struct token *value, uint64_t low, uint64_t high, uint64_t *out)
{
	char text[SHOWN_MAX];

	if (decimal(value->text, strlen(value->text), high, out) &&
	    *out >= low)
		return true;
	mistake(r->errors, value->at,
	    "%s: \"%s\" is not a whole number from %llu to %llu",
	    row->keyword, shown(value->text, text), (unsigned long long)low,
	    (unsigned long long)high);
	return false;
}

READER(read_count)
{
	uint64_t v;

	if (count(r, row, node->values, row->low, row->high, &v))
		*(unsigned *)field(base, row) = (unsigned)v;
}

READER(read_mode)
{
	const char *s = node->values[0].text;
	unsigned mode = 0;

	if (strlen(s) != 4 || s[0] != '0' || strspn(s, "01234567") != 4) {
		complain(r, row, node->values,
		    "is not a mode of four octal digits such as 0660");
		return;
	}
	for (; *s != '\0'; s++)
		mode = mode << 3 | (unsigned)(*s - '0');
	*(unsigned *)field(base, row) = mode;
}

/* One rate of three values; false when a mistake is noted. */
static bool
read_rate(const struct reading *r, const struct row *row,
    const struct token *value, struct rate *rate)
{
	uint64_t number = 0, seconds = 0;
	bool good = count(r, row, &value[0], 1, RATE_COUNT_MAX, &number);

	if (strcmp(value[1].text, "per") != 0) {
		complain(r, row, &value[1],
		    "must be \"per\", as in: 10 per 1h");
		good = false;
	}
	if (!quantity(r, row, &value[2], times, 1, RATE_SECONDS_MAX,
	    &seconds))
		good = false;
	*rate = (struct rate){ (uint32_t)number, (uint32_t)seconds };
	return good;
}

static bool
has_duration(const struct rates *rates, uint32_t seconds)
{
	for (size_t i = 0; i < rates->n; i++)
		if (rates->v[i].seconds == seconds)
			return true;
	return false;
}

/* Two rates of one duration would be one too many. */
READER(read_rates)
{
	struct rates *rates = field(base, row);
	struct rate rate;

	for (size_t i = 0; i < node->nvalues; i++)
		if (node->values[i].bad)
			return;
	if (node->nvalues % 3 != 0 || node->nvalues > 3 * row->high) {
		mistake(r->errors, node->keyword.at, "%s needs three values "
		    "for each of at most %llu rates, as in: %s 10 per 1h",
		    row->keyword, (unsigned long long)row->high,
		    row->keyword);
		return;
	}
	for (size_t i = 0; i < node->nvalues; i += 3) {
		if (!read_rate(r, row, &node->values[i], &rate))
			continue;
		if (has_duration(rates, rate.seconds)) {
			complain(r, row, &node->values[i + 2],
			    "is the duration of another rate");
			continue;
		}
		rates->v = grow(rates->v, rates->n, sizeof(*rates->v));
		rates->v[rates->n++] = rate;
	}
}

static unsigned
month_days(unsigned year, unsigned month)
{
	static const unsigned days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30,
		31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

/* Days from 1970-01-01 to a day of the Gregorian calendar. */
static int64_t
days_since_epoch(unsigned year, unsigned month, unsigned day)
{
	int64_t y = (int64_t)year - 1, days;

	days = y * 365 + y / 4 - y / 100 + y / 400 - 719162;
	for (unsigned m = 1; m < month; m++)
		days += month_days(year, m);
	return days + day - 1;
}

static unsigned
two_digits(const char *s)
{
	return (unsigned)(s[0] - '0') * 10 + (unsigned)(s[1] - '0');
}

READER(read_until)
{
	struct config_rule *rule = base;
	const char *s = node->values[0].text;
	unsigned year, month, day;

	if (strlen(s) != 10 || digits(s) != 4 || s[4] != '-' ||
	    digits(s + 5) != 2 || s[7] != '-' || digits(s + 8) != 2) {
		complain(r, row, node->values,
		    "is not a date such as 2027-01-31");
		return;
	}
	year = two_digits(s) * 100 + two_digits(s + 2);
	month = two_digits(s + 5);
	day = two_digits(s + 8);
	if (year < 1970 || month < 1 || month > 12 || day < 1 ||
	    day > month_days(year, month)) {
		complain(r, row, node->values, "is no day of the calendar");
		return;
	}
	rule->until = (days_since_epoch(year, month, day) + 1) * 86400;
	rule->until_text = xstrdup(s);
}
