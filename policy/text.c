#include "text.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "config.h"

#define PATH_MAX_LEN 4095
#define NAME_CHARS   "abcdefghijklmnopqrstuvwxyz0123456789"

bool
name_valid(const char *name)
{
	size_t n = strlen(name);

	return n > 0 && n <= NAME_MAX_LEN && strspn(name, NAME_CHARS) > 0 &&
	    strspn(name, NAME_CHARS "._-") == n;
}

const char *
check_text(const char *s)
{
	return s[0] != '\0' ? NULL : "must not be empty";
}

const char *
check_argument(const char *s)
{
	(void)s;
	return NULL;
}

const char *
check_name(const char *s)
{
	return name_valid(s) ? NULL : "is not a name: a-z, 0-9, then also "
	    ". _ -, at most 63 of them";
}

const char *
check_pattern(const char *s)
{
	char stem[NAME_MAX_LEN + 1];
	size_t n = strlen(s);

	if (strcmp(s, "*") == 0 || name_valid(s))
		return NULL;
	if (n >= 2 && n <= sizeof(stem) && s[n - 1] == '*') {
		memcpy(stem, s, n - 1);
		stem[n - 1] = '\0';
		if (name_valid(stem))
			return NULL;
	}
	return "is neither a name nor \"*\" nor a \"prefix*\"";
}

const char *
check_owned(const char *s)
{
	return s[0] == '*' ? "is not a name or a \"prefix*\"" :
	    check_pattern(s);
}

/* The names of profiles are the CA's; a star can only stand behind. */
const char *
check_profile_pattern(const char *s)
{
	size_t n = strlen(s);

	if (n == 0 || n > NAME_MAX_LEN)
		return "must have 1 to 63 characters";
	for (size_t i = 0; i < n; i++)
		if (s[i] <= ' ' || s[i] > '~' || s[i] == '"' ||
		    s[i] == '\\' || (s[i] == '*' && i + 1 < n))
			return "has a character that no profile has";
	return NULL;
}

/* One way to write a path: no empty, "." or ".." part, no slash behind. */
const char *
check_path(const char *s)
{
	size_t n;

	if (s[0] != '/')
		return "must be an absolute path";
	if (strlen(s) > PATH_MAX_LEN)
		return "is longer than a path can be";
	while (*s == '/') {
		s++;
		n = strcspn(s, "/");
		if (n == 0)
			return "must not have an empty part or end in a slash";
		if (s[0] == '.' && (n == 1 || (n == 2 && s[1] == '.')))
			return "must not have the parts . or ..";
		s += n;
	}
	return NULL;
}

const char *
check_socket(const char *s)
{
	const struct sockaddr_un sa;
	const char *complaint = check_path(s);

	if (complaint == NULL && strlen(s) >= sizeof(sa.sun_path))
		complaint = "is longer than a socket's path can be";
	return complaint;
}

const char *
check_module(const char *s)
{
	size_t n = strlen(s);

	if (s[0] == '/')
		return check_path(s);
	if (n == 0 || n > NAME_MAX_LEN || s[0] == '.' || strspn(s,
	    NAME_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZ._-") != n)
		return "is neither the name of a module nor an absolute path";
	return NULL;
}

/* RFC 8555 section 7.3: one address, and no header fields. */
const char *
check_contact(const char *s)
{
	const char *at;

	if (strncmp(s, "mailto:", 7) != 0)
		return "must begin with mailto:";
	s += 7;
	at = strchr(s, '@');
	if (at == NULL || at == s || at[1] == '\0' || strchr(at + 1, '@'))
		return "has no single mail address";
	for (; *s != '\0'; s++)
		if (*s <= ' ' || *s > '~' || strchr(",?\"<>\\", *s) != NULL)
			return "has a character that a contact cannot have";
	return NULL;
}

/* Digits of a port, with nothing before or behind them. */
static bool
is_port(const char *s)
{
	unsigned port = 0;

	if (s[0] < '1' || s[0] > '9' || strlen(s) > 5)
		return false;
	for (; *s >= '0' && *s <= '9'; s++)
		port = port * 10 + (unsigned)(*s - '0');
	return *s == '\0' && port <= 65535;
}

static bool
is_address(int family, const char *s, size_t n)
{
	char text[INET6_ADDRSTRLEN];
	unsigned char address[sizeof(struct in6_addr)];

	if (n >= sizeof(text))
		return false;
	memcpy(text, s, n);
	text[n] = '\0';
	return inet_pton(family, text, address) == 1;
}

/* The length of a literal address at the start of s ("[...]" for version 6),
 * or 0. */
static size_t
address_length(const char *s)
{
	size_t n = s[0] == '[' ? strcspn(s, "]") : strcspn(s, ":/");

	if (s[0] != '[')
		return is_address(AF_INET, s, n) ? n : 0;
	return s[n] == ']' && is_address(AF_INET6, s + 1, n - 1) ? n + 1 : 0;
}

const char *
check_address(const char *s)
{
	size_t n = address_length(s);

	if (n == 0)
		return "must begin with an address: 127.0.0.1 or [::1]";
	if (s[n] != ':' || !is_port(s + n + 1))
		return "must end in a colon and a port from 1 to 65535";
	return NULL;
}

const char *
check_login(const char *s)
{
	size_t n = strlen(s);

	if (n == 0 || n > 255)
		return "must have 1 to 255 characters";
	if (strspn(s, "0123456789") == n)
		return "is a number: write uid or gid and no quotes";
	if (strpbrk(s, ":/ \t") != NULL)
		return "has a character that no such name can have";
	return NULL;
}

const char *
check_pin_source(const char *s)
{
	if (strcmp(s, "prompt") == 0)
		return NULL;
	if (strncmp(s, "file:", 5) == 0)
		return check_path(s + 5) == NULL ? NULL :
		    "must have an absolute path after file:";
	if (strncmp(s, "credential:", 11) == 0)
		return check_module(s + 11) == NULL && s[11] != '/' ? NULL :
		    "must have a plain name after credential:";
	return "must be \"file:/path\", \"credential:NAME\" or \"prompt\"";
}

/* Host names within a URL may have one label, as in a test network. */
static bool
is_host(const char *s, size_t n)
{
	char text[254];

	if (n == 0 || n >= sizeof(text))
		return false;
	memcpy(text, s, n);
	text[n] = '\0';
	return strspn(text, NAME_CHARS "-.") == n && text[0] != '-' &&
	    text[0] != '.' && text[n - 1] != '-' && text[n - 1] != '.' &&
	    strstr(text, "..") == NULL;
}

static const char *
check_authority(const char *s, size_t n)
{
	char text[300];
	size_t host;

	if (n >= sizeof(text))
		return "has too long a host";
	memcpy(text, s, n);
	text[n] = '\0';
	host = address_length(text);
	if (host == 0)
		host = strcspn(text, ":");
	if (host == n && text[0] == '[')
		return NULL;
	if (text[0] != '[' && !is_host(text, host))
		return "needs a host in lower case, and nothing before it";
	if (host < n && (text[host] != ':' || !is_port(text + host + 1)))
		return "has a port that is none";
	return NULL;
}

const char *
check_https(const char *s)
{
	const char *hex = "0123456789abcdefABCDEF";
	size_t n = strlen(s);
	const char *complaint;

	if (strncmp(s, "https://", 8) != 0)
		return "must begin with https://";
	if (n > 2048)
		return "is longer than 2048 bytes";
	complaint = check_authority(s + 8, strcspn(s + 8, "/?#"));
	for (; complaint == NULL && *s != '\0'; s++) {
		if (*s <= ' ' || *s > '~' || strchr("\"<>\\^`{|}#", *s))
			complaint = "has a character that a URL cannot have";
		else if (*s == '%' && (s[1] == '\0' || s[2] == '\0' ||
		    !strchr(hex, s[1]) || !strchr(hex, s[2])))
			complaint = "has a % without two hex digits";
	}
	return complaint;
}
