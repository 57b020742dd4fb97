#include "script.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "names.h"

#define nitems(a) (sizeof(a) / sizeof((a)[0]))

static bool
want_word(struct line *l, const char *what, const char **out)
{
	*out = line_word(l);
	return *out != NULL || line_wrong(l, "%s is missing", what);
}

static bool
want_name(struct line *l, const char *prefix, unsigned long *out)
{
	const char *w;

	if (!want_word(l, prefix, &w))
		return false;
	return name_number(prefix, w, out) ||
	    line_wrong(l, "\"%s\" is neither a number nor a %s name", w,
		prefix);
}

static bool
want_number(struct line *l, unsigned long *out)
{
	const char *w;

	if (!want_word(l, "a number", &w))
		return false;
	return number_parse(w, out) ||
	    line_wrong(l, "\"%s\" is not a number", w);
}

static bool
want_text(struct line *l, const char *what, char *out)
{
	const char *w;

	if (!want_word(l, what, &w))
		return false;
	if (w[0] == '\0')
		return line_wrong(l, "%s is empty", what);
	strcpy(out, w);
	return true;
}

/* --------------------------------------------------- arguments of an action */

typedef bool argument_fn(struct line *l, struct rule *r);

static bool
no_argument(struct line *l, struct rule *r)
{
	(void)l;
	(void)r;
	return true;
}

static bool
code(struct line *l, struct rule *r)
{
	return want_name(l, "CKR_", &r->number);
}

static bool
plain_number(struct line *l, struct rule *r)
{
	return want_number(l, &r->number);
}

static bool
exit_code(struct line *l, struct rule *r)
{
	return want_number(l, &r->number) && (r->number < 256 ||
	    line_wrong(l, "%lu is no exit code", r->number));
}

static bool
mechanism_type(struct line *l, struct rule *r)
{
	return want_name(l, "CKM_", &r->number);
}

static bool
object_class(struct line *l, struct rule *r)
{
	return want_name(l, "CKO_", &r->number);
}

static bool
token_text(struct line *l, struct rule *r)
{
	if (!want_text(l, "a text", r->text))
		return false;
	r->n = strlen(r->text);
	return r->n <= 32 || line_wrong(l, "more than 32 bytes");
}

/* 500ms or 2s. */
static bool
duration(struct line *l, struct rule *r)
{
	char digits[WORD_MAX];
	const char *w;
	size_t n;

	if (!want_word(l, "a time", &w))
		return false;
	n = strspn(w, "0123456789");
	memcpy(digits, w, n);
	digits[n] = '\0';
	if (!number_parse(digits, &r->number) || r->number > 3600000 ||
	    (strcmp(w + n, "ms") != 0 && strcmp(w + n, "s") != 0))
		return line_wrong(l, "\"%s\" is no time such as 500ms or 2s",
		    w);
	if (w[n] == 's')
		r->number *= 1000;
	return true;
}

/* +CKF_... and -CKF_..., at least one. */
static bool
flags(struct line *l, struct rule *r)
{
	const char *w = line_word(l);
	unsigned long bits;

	if (w == NULL)
		return line_wrong(l, "a flag is missing");
	for (; w != NULL; w = line_word(l)) {
		if ((w[0] != '+' && w[0] != '-') ||
		    !name_number("CKF_", w + 1, &bits))
			return line_wrong(l, "\"%s\" is not + or - and a "
			    "CKF_ name", w);
		*(w[0] == '+' ? &r->set : &r->clear) |= bits;
	}
	return true;
}

static bool
signature_form(struct line *l, struct rule *r)
{
	static const char *const forms[] = { [OTHER_KEY] = "other-key",
		[FLIPPED] = "flipped", [DER] = "der", [OF_LENGTH] = "length" };
	const char *w;

	if (!want_word(l, "a form", &w))
		return false;
	for (size_t i = 0; i < nitems(forms); i++)
		if (strcmp(w, forms[i]) == 0) {
			r->form = (enum form)i;
			return r->form != OF_LENGTH ||
			    (want_number(l, &r->number) && (r->number <= 4096 ||
				line_wrong(l, "a length above 4096")));
		}
	return line_wrong(l, "\"%s\" is no form of a signature", w);
}

static bool
bytes_of(const char *hex, struct rule *r)
{
	size_t n = strlen(hex);

	if (n == 0 || n % 2 != 0 ||
	    strspn(hex, "0123456789abcdefABCDEF") != n)
		return false;
	for (r->n = 0; r->n < n / 2; r->n++)
		r->text[r->n] = (char)strtoul((char[]){ hex[2 * r->n],
		    hex[2 * r->n + 1], '\0' }, NULL, 16);
	return true;
}

static bool
attribute_form(struct line *l, struct rule *r)
{
	static const struct {
		const char *word;
		enum form form;
		const char *hex;
	} forms[] = {
		{ "true", BYTES, "01" }, { "false", BYTES, "00" },
		{ "missing", MISSING, NULL }, { "sensitive", SENSITIVE, NULL },
		{ "raw", RAW, NULL }, { "octet-string", OCTET_STRING, NULL },
		{ "bit-string", BIT_STRING, NULL },
	};
	const char *w;

	if (!want_name(l, "CKA_", &r->number) || !want_word(l, "a value", &w))
		return false;
	for (size_t i = 0; i < nitems(forms); i++)
		if (strcmp(w, forms[i].word) == 0) {
			r->form = forms[i].form;
			return forms[i].hex == NULL ||
			    bytes_of(forms[i].hex, r);
		}
	r->form = BYTES;
	return bytes_of(w, r) ||
	    line_wrong(l, "\"%s\" is no value of an attribute", w);
}

/* F__MAX: of any function. */
static const struct {
	const char *word;
	enum function of;
	argument_fn *argument;
} actions[] = {
	[RETURN] = { "return", F__MAX, code },
	[DELAY] = { "delay", F__MAX, duration },
	[HANG] = { "hang", F__MAX, no_argument },
	[CRASH] = { "crash", F__MAX, no_argument },
	[EXIT] = { "exit", F__MAX, exit_code },
	[LOSE_SESSIONS] = { "lose-sessions", F__MAX, no_argument },
	[LOSE_LOGIN] = { "lose-login", F__MAX, no_argument },
	[RENUMBER] = { "renumber", F__MAX, no_argument },
	[MISDIRECT] = { "misdirect", F__MAX, no_argument },
	[SAY] = { "say", F__MAX, code },
	[SIGNATURE] = { "signature", F_C_Sign, signature_form },
	[ATTRIBUTE] = { "attribute", F_C_GetAttributeValue, attribute_form },
	[DUPLICATE] = { "duplicate", F_C_FindObjects, no_argument },
	[HIDE] = { "hide", F_C_FindObjectsInit, object_class },
	[FLAGS] = { "flags", F_C_GetTokenInfo, flags },
	[LABEL] = { "label", F_C_GetTokenInfo, token_text },
	[SERIAL] = { "serial", F_C_GetTokenInfo, token_text },
	[MANUFACTURER] = { "manufacturer", F_C_GetTokenInfo, token_text },
	[MODEL] = { "model", F_C_GetTokenInfo, token_text },
	[MAX_SESSIONS] = { "max-sessions", F_C_GetTokenInfo, plain_number },
	[WITHOUT] = { "without", F_C_GetMechanismList, mechanism_type },
};
_Static_assert(nitems(actions) == ACTION__MAX, "every action has a row");

/* ------------------------------------------------------------------- lines */

/* "3", "2..", "2..4" or "*". */
static bool
when(struct line *l, struct rule *r)
{
	char first[WORD_MAX], *dots;
	const char *w;

	if (!want_word(l, "which call", &w))
		return false;
	r->from = 1;
	r->to = ULONG_MAX;
	if (strcmp(w, "*") == 0)
		return true;
	strcpy(first, w);
	dots = strstr(first, "..");
	if (dots != NULL)
		*dots = '\0';
	if (!number_parse(first, &r->from) || r->from == 0)
		return line_wrong(l, "\"%s\" is no call such as 3, 2.., 2..4 "
		    "or *", w);
	if (dots == NULL)
		r->to = r->from;
	else if (dots[2] != '\0' &&
	    (!number_parse(dots + 2, &r->to) || r->to < r->from))
		return line_wrong(l, "\"%s\" ends before it begins", w);
	return true;
}

static bool
add_rule(struct line *l, struct script *s, enum function f)
{
	struct rule *r = &s->rules[s->n];
	const char *w;

	if (s->n == RULES_MAX)
		return line_wrong(l, "more than %d rules", RULES_MAX);
	*r = (struct rule){ .function = f };
	if (!when(l, r) || !want_word(l, "what happens", &w))
		return false;
	for (size_t i = 0; i < nitems(actions); i++) {
		if (strcmp(actions[i].word, w) != 0)
			continue;
		if (actions[i].of != F__MAX && actions[i].of != f)
			return line_wrong(l, "\"%s\" is for %s only", w,
			    function_names[actions[i].of]);
		r->action = (enum action)i;
		s->n++;
		return actions[i].argument(l, r);
	}
	return line_wrong(l, "nothing is called \"%s\"", w);
}

/* What holds for the token as long as it stands in the script. */
static const struct {
	const char *word;
	enum { SWITCH, NUMBER, TEXT } kind;
	size_t at;
} settings[] = {
	{ "absent", SWITCH, offsetof(struct script, absent) },
	{ "always-authenticate", SWITCH,
	    offsetof(struct script, always_authenticate) },
	{ "pin-tries", NUMBER, offsetof(struct script, pin_tries) },
	{ "pin-pad", TEXT, offsetof(struct script, pin_pad) },
	{ "sessions", NUMBER, offsetof(struct script, sessions) },
};

static bool
token_setting(struct line *l, struct script *s)
{
	const char *w;

	if (!want_word(l, "what of the token", &w))
		return false;
	for (size_t i = 0; i < nitems(settings); i++) {
		void *at = (char *)s + settings[i].at;

		if (strcmp(settings[i].word, w) != 0)
			continue;
		if (settings[i].kind == NUMBER)
			return want_number(l, at);
		if (settings[i].kind == TEXT)
			return want_text(l, "a text", at);
		return *(bool *)at = true;
	}
	return line_wrong(l, "nothing of the token is called \"%s\"", w);
}

static bool
statement(struct line *l, struct script *s)
{
	const char *w = line_word(l);

	if (w == NULL)
		return true;
	if (strcmp(w, "module") == 0)
		return want_text(l, "a path", s->module);
	if (strcmp(w, "token") == 0)
		return token_setting(l, s);
	for (unsigned f = 0; f < F__MAX; f++)
		if (strcmp(function_names[f], w) == 0)
			return add_rule(l, s, (enum function)f);
	return line_wrong(l, "\"%s\" is neither a function nor a statement", w);
}

struct script *
script_parse(const char *text, struct mistake *mistake)
{
	struct script *s = calloc(1, sizeof(*s));
	struct line l = { .mistake = mistake };

	while (s != NULL && *text != '\0') {
		size_t n = strcspn(text, "\n");
		const char *extra = NULL;

		l.number++;
		if (!line_split(&l, text, n) || !statement(&l, s) ||
		    ((extra = line_word(&l)) != NULL &&
			!line_wrong(&l, "\"%s\" is too much", extra))) {
			free(s);
			return NULL;
		}
		text += n + (text[n] == '\n');
	}
	return s;
}
