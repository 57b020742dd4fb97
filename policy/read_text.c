/* Readers of texts and words. */
#include <stdlib.h>
#include <string.h>

#include "grow.h"
#include "read.h"

void
complain(const struct reading *r, const struct row *row,
    const struct token *value, const char *complaint)
{
	char text[SHOWN_MAX];

	mistake(r->errors, value->at, "%s: \"%s\" %s", row->keyword,
	    shown(value->text, text), complaint);
}

bool
add_string(const struct reading *r, const struct row *row,
    const struct token *value, struct strings *list)
{
	if (list->n >= row->high) {
		mistake(r->errors, value->at, "%s takes at most %llu values",
		    row->keyword, (unsigned long long)row->high);
		return false;
	}
	for (size_t i = 0; (row->flags & DISTINCT) && i < list->n; i++)
		if (strcmp(list->v[i], value->text) == 0) {
			complain(r, row, value, "is a duplicate");
			return false;
		}
	list->v = grow(list->v, list->n, sizeof(*list->v));
	list->v[list->n++] = xstrdup(value->text);
	return true;
}

/* True when the row's check has nothing to say about a value. */
static bool
passes(const struct reading *r, const struct row *row,
    const struct token *value)
{
	const char *complaint = row->check(value->text);

	if (complaint != NULL)
		complain(r, row, value, complaint);
	return complaint == NULL;
}

READER(read_text)
{
	char **at = field(base, row);

	if (passes(r, row, node->values))
		*at = xstrdup(node->values[0].text);
}

READER(read_texts)
{
	struct strings *list = field(base, row);

	for (size_t i = 0; i < node->nvalues; i++)
		if (!node->values[i].bad && passes(r, row, &node->values[i]))
			add_string(r, row, &node->values[i], list);
}

/* Finds the choice that a word means, or says which there are. */
static const struct choice *
read_choice(const struct reading *r, const struct row *row,
    const struct token *value)
{
	const struct choice *choice = choice_word(row, value->text);
	const char *last = "";
	struct buf words;

	if (choice != NULL)
		return choice;
	buf_init(&words, FAULT_MAX);
	buf_puts(&words, "is not one of:");
	for (choice = row->choices; choice->word != NULL; choice++) {
		if (strcmp(choice->word, last) != 0)
			buf_putf(&words, " %s", choice->word);
		last = choice->word;
	}
	complain(r, row, value, buf_str(&words));
	buf_free(&words);
	return NULL;
}

/* Enums are ints to the compilers that build this; see the assertions. */
_Static_assert(sizeof(enum log_level) == sizeof(int) &&
    sizeof(enum key_type) == sizeof(int) &&
    sizeof(enum challenge_kind) == sizeof(int), "an enum is an int");

READER(read_word)
{
	const struct choice *choice = read_choice(r, row, node->values);

	if (choice != NULL)
		memcpy(field(base, row), &choice->value,
		    sizeof(choice->value));
}

READER(read_flag)
{
	const struct choice *choice = read_choice(r, row, node->values);

	if (choice != NULL)
		*(bool *)field(base, row) = choice->value != 0;
}

READER(read_word_text)
{
	if (read_choice(r, row, node->values) != NULL)
		*(char **)field(base, row) = xstrdup(node->values[0].text);
}

READER(read_pin)
{
	struct config_token *token = base;
	const char *text = node->values[0].text;
	const char *colon = strchr(text, ':');

	if (!passes(r, row, node->values))
		return;
	token->pin_source = colon == NULL ? PIN_PROMPT :
	    text[0] == 'f' ? PIN_FILE : PIN_CREDENTIAL;
	if (colon != NULL)
		token->pin = xstrdup(colon + 1);
}

static int
hex_digit(char c)
{
	const char *digits = "0123456789abcdef";
	const char *p = c != '\0' ? strchr(digits, c) : NULL;

	return p != NULL ? (int)(p - digits) : -1;
}

READER(read_spki)
{
	struct config_foreign_key *key = base;
	const char *s = node->values[0].text;

	for (size_t i = 0; i < SHA256_SIZE; i++) {
		int high = hex_digit(s[2 * i]);
		int low = high < 0 ? -1 : hex_digit(s[2 * i + 1]);

		if (low < 0) {
			complain(r, row, node->values,
			    "must be 64 digits of lower-case hex");
			return;
		}
		key->spki_sha256[i] = (unsigned char)(high << 4 | low);
	}
	if (s[2 * SHA256_SIZE] != '\0')
		complain(r, row, node->values,
		    "must be 64 digits of lower-case hex");
	else
		key->pinned = true;
}

/* Sets what a word means: "*", "noun.*" or one operation; false when it means
 * nothing. */
static bool
set_operations(const char *word, bool operations[static OP__MAX])
{
	size_t n = strlen(word);
	bool any = false;

	if (n == 0 || (word[n - 1] == '*' && n > 1 && word[n - 2] != '.'))
		return false;
	for (enum operation op = 0; op < OP__MAX; op++) {
		const char *name = operation_name(op);
		bool hit = word[n - 1] == '*' ?
		    strncmp(name, word, n - 1) == 0 :
		    strcmp(name, word) == 0;

		operations[op] = operations[op] || hit;
		any = any || hit;
	}
	return any;
}

READER(read_operations)
{
	struct config_rule *rule = base;

	for (size_t i = 0; i < node->nvalues; i++) {
		const struct token *value = &node->values[i];

		if (value->bad)
			continue;
		if (!set_operations(value->text, rule->operations))
			complain(r, row, value, "is an unknown operation");
		else
			add_string(r, row, value, &rule->operation_words);
	}
}
