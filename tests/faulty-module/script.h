/*
 * The script: what the module does wrong, as README.md documents it.  Parsed
 * strictly, whole or not at all.
 */
#ifndef FAULTY_SCRIPT_H
#define FAULTY_SCRIPT_H

#include "functions.h"
#include "words.h"

#define RULES_MAX 256

enum action {
	/* before the call, or instead of it */
	RETURN, DELAY, HANG, CRASH, EXIT, LOSE_SESSIONS, LOSE_LOGIN, RENUMBER,
	MISDIRECT,
	/* behind it */
	SAY,
	/* to what it answers */
	SIGNATURE, ATTRIBUTE, DUPLICATE, HIDE, FLAGS, LABEL, SERIAL,
	MANUFACTURER, MODEL, MAX_SESSIONS, WITHOUT,
	ACTION__MAX
};

enum form {
	/* of a signature */
	OTHER_KEY, FLIPPED, DER, OF_LENGTH,
	/* of an attribute */
	BYTES, MISSING, SENSITIVE, RAW, OCTET_STRING, BIT_STRING
};

/* What happens at the from-th to the to-th call of a function. */
struct rule {
	enum function function;
	unsigned long from, to;
	enum action action;
	enum form form;
	unsigned long number;	  /* code, milliseconds, type, length ... */
	unsigned long set, clear; /* flags */
	char text[WORD_MAX];	  /* or bytes */
	size_t n;
};

struct script {
	struct rule rules[RULES_MAX];
	size_t n;
	char module[WORD_MAX];	 /* the real one; "": SoftHSM */
	bool absent;
	unsigned long pin_tries; /* 0: as many as the real token gives */
	char pin_pad[WORD_MAX];	 /* "": there is none */
	unsigned long sessions;	 /* 0: as many */
	bool always_authenticate;
};

/* An owned script, to be freed with free(), or NULL and the first mistake. */
struct script *script_parse(const char *text, struct mistake *mistake);

#endif
