#include "err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const names[] = {
	[OK] = "ok",
	[ERR_USAGE] = "usage",
	[ERR_CONFIG] = "configuration",
	[ERR_SYNTAX] = "malformed",
	[ERR_LIMIT] = "too-large",
	[ERR_DENIED] = "denied",
	[ERR_RATE] = "rate-limited",
	[ERR_NOT_FOUND] = "not-found",
	[ERR_METHOD] = "method-not-allowed",
	[ERR_CONFLICT] = "conflict",
	[ERR_UNSUPPORTED] = "unsupported",
	[ERR_BUSY] = "busy",
	[ERR_TIMEOUT] = "timeout",
	[ERR_TOKEN] = "token-unavailable",
	[ERR_PIN] = "pin-refused",
	[ERR_KEY] = "key-mismatch",
	[ERR_SHAPE] = "shape-refused",
	[ERR_SIGNATURE] = "bad-signature",
	[ERR_CA] = "ca-refused",
	[ERR_NETWORK] = "ca-unreachable",
	[ERR_CERTIFICATE] = "bad-certificate",
	[ERR_CRYPTO] = "crypto",
	[ERR_IO] = "io",
	[ERR_FULL] = "disk-full",
	[ERR_CLOSED] = "closed",
	[ERR_INTERNAL] = "internal",
};
_Static_assert(sizeof(names) / sizeof(names[0]) == ERR__MAX,
    "every error has a name");

const char *
err_name(enum err code)
{
	return (unsigned)code < ERR__MAX ? names[code] : "unknown";
}

enum err
err_parse(const char *name)
{
	for (unsigned i = 0; i < ERR__MAX; i++)
		if (strcmp(names[i], name) == 0)
			return (enum err)i;
	return ERR__MAX;
}

static void
sanitize(char *text)
{
	for (unsigned char *p = (unsigned char *)text; *p != '\0'; p++)
		if (*p < 0x20 || *p == 0x7f)
			*p = '?';
}

enum err
fault_set(struct fault *why, enum err code, const char *fmt, ...)
{
	va_list ap;

	if (why == NULL)
		return code;
	memset(why, 0, sizeof(*why));
	why->code = code;
	va_start(ap, fmt);
	vsnprintf(why->text, sizeof(why->text), fmt, ap);
	va_end(ap);
	sanitize(why->text);
	return code;
}

enum err
fault_errno(struct fault *why, enum err code, const char *fmt, ...)
{
	int saved = errno;
	va_list ap;
	size_t n;

	if (code == ERR_IO && (saved == ENOSPC || saved == EDQUOT))
		code = ERR_FULL;
	if (why == NULL)
		return code;
	memset(why, 0, sizeof(*why));
	why->code = code;
	va_start(ap, fmt);
	vsnprintf(why->text, sizeof(why->text), fmt, ap);
	va_end(ap);
	n = strlen(why->text);
	snprintf(why->text + n, sizeof(why->text) - n, ": %s", strerror(saved));
	sanitize(why->text);
	return code;
}
