/* DNS names, and the patterns over them that rules are written in. */
#include <string.h>

#include "evaluate.h"
#include "text.h"

#define DNS_NAME_MAX  253 /* RFC 1035 section 3.1, in its written form */
#define DNS_LABEL_MAX 63

static bool
is_letter_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/*
 * Checks labels of letters, digits and inner hyphens up to the end of s, and
 * gives their number; complaint is set otherwise.  A last label without a
 * letter would read as part of an IP address.
 */
static size_t
check_labels(const char *s, const char **complaint)
{
	size_t labels = 0, n = 0;

	*complaint = NULL;
	for (;; s += n + 1, labels++) {
		n = strcspn(s, ".");
		if (n == 0)
			*complaint = "has an empty label";
		else if (n > DNS_LABEL_MAX)
			*complaint = "has a label of more than 63 bytes";
		else if (s[0] == '-' || s[n - 1] == '-')
			*complaint = "has a label with a hyphen at its edge";
		for (size_t i = 0; i < n && *complaint == NULL; i++)
			if (s[i] >= 'A' && s[i] <= 'Z')
				*complaint = "must be in lower case";
			else if (!is_letter_digit(s[i]) && s[i] != '-')
				*complaint = "has a character that no DNS "
				    "name has; write IDNs as A-labels";
		if (*complaint != NULL)
			return 0;
		if (s[n] == '\0')
			break;
	}
	if (strspn(s, "0123456789") == n)
		*complaint = "is an address, not a DNS name";
	return labels + 1;
}

static const char *
complain_name(const char *s, bool wildcard, size_t least)
{
	const char *complaint;
	size_t labels;

	if (strlen(s) > DNS_NAME_MAX)
		return "is longer than 253 bytes";
	if (s[0] == '*' && s[1] == '.' && wildcard)
		s += 2;
	labels = check_labels(s, &complaint);
	if (complaint == NULL && labels < least)
		complaint = "needs at least two labels";
	return complaint;
}

bool
dns_name_valid(const char *name, bool wildcard)
{
	return complain_name(name, wildcard, 2) == NULL;
}

const char *
check_dns_name(const char *s)
{
	return complain_name(s, true, 2);
}

const char *
check_name_pattern(const char *s)
{
	if (strcmp(s, "*") == 0)
		return NULL;
	if (s[0] == '.')
		return complain_name(s + 1, false, 1);
	return complain_name(s, true, 2);
}

/* The part of name that ends in suffix, NULL when it does not. */
static const char *
tail(const char *name, const char *suffix)
{
	size_t n = strlen(name), m = strlen(suffix);

	if (n <= m || strcmp(name + n - m, suffix) != 0)
		return NULL;
	return name + n - m;
}

bool
name_matches(const char *pattern, const char *name)
{
	const char *end;

	if (!dns_name_valid(name, true))
		return false;
	if (strcmp(pattern, "*") == 0 || strcmp(pattern, name) == 0)
		return true;
	if (pattern[0] == '.')
		return tail(name, pattern) != NULL;
	if (pattern[0] != '*' || name[0] == '*')
		return false;
	end = tail(name, pattern + 1);
	return end != NULL && strchr(name, '.') == end;
}
