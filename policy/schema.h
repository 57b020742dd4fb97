/*
 * The grammar as data: one row for each statement says where it may stand,
 * what values it takes, where they are stored, and what holds without it.
 * Parser, reader, checker and printer all walk this one table.
 */
#ifndef POLICY_SCHEMA_H
#define POLICY_SCHEMA_H

#include <limits.h>

#include "config.h"

enum block {
	BLOCK_NONE,
	BLOCK_TOP,
	BLOCK_AUDIT,
	BLOCK_CHECKPOINT,
	BLOCK_LIMITS,
	BLOCK_ISSUER,
	BLOCK_CORE,
	BLOCK_SIGNER,
	BLOCK_LISTENER,
	BLOCK_LACME,	   /* protocol within a listener */
	BLOCK_TOKEN,
	BLOCK_FOREIGN,	   /* key within a token */
	BLOCK_CA,
	BLOCK_BUDGET,
	BLOCK_ACCOUNT,
	BLOCK_EAB,
	BLOCK_KEY_NEW,	   /* key of an account or certificate, generated */
	BLOCK_KEY_FOREIGN, /* the same, born elsewhere */
	BLOCK_CERTIFICATE,
	BLOCK_HTTP01,
	BLOCK_DNS01,
	BLOCK_DNS_PROGRAM,
	BLOCK_DEPLOY,
	BLOCK_TENANT,
	BLOCK_ALLOW,
	BLOCK_DENY,
	BLOCK__MAX
};
_Static_assert(BLOCK__MAX <= 32, "a set of blocks is 32 bits");

/* How values are read, stored and printed; see read.c and print.c. */
enum value_type {
	VALUE_BLOCK,	  /* no value of its own, only a block */
	VALUE_ITEM,	  /* a name: a new element of an array */
	VALUE_RULE,	  /* a tenant: a new rule */
	VALUE_TEXT,	  /* char * */
	VALUE_TEXTS,	  /* struct strings */
	VALUE_WORD,	  /* an enum, by choices */
	VALUE_FLAG,	  /* bool, by choices */
	VALUE_WORD_TEXT,  /* char *, one of choices */
	VALUE_COUNT,	  /* unsigned */
	VALUE_SECONDS,	  /* unsigned, written as 30s, 5m, 1h, 7d */
	VALUE_BYTES,	  /* unsigned, written as 512B, 64KiB, 1MiB */
	VALUE_MODE,	  /* unsigned, written in octal */
	VALUE_USER,	  /* char *, a name */
	VALUE_UID,	  /* char *, digits */
	VALUE_GROUP,
	VALUE_GID,
	VALUE_USERS,	  /* of a struct config_tenant */
	VALUE_UIDS,
	VALUE_GROUPS,
	VALUE_GIDS,
	VALUE_PIN,	  /* of a struct config_token */
	VALUE_SPKI,	  /* of a struct config_foreign_key */
	VALUE_RATES,	  /* struct rates, written as 10 per 1h */
	VALUE_OPERATIONS, /* of a struct config_rule */
	VALUE_UNTIL,
	VALUE__MAX
};

/* What a value names, so that it can be looked up afterwards. */
enum reference { REFERS_NOWHERE, REFERS_TOKEN, REFERS_CA, REFERS_ACCOUNT,
	REFERS_TENANT, REFERS_LISTENER, REFERS__MAX };

/* One word among several, and the block that it opens. */
struct choice {
	const char *word;
	int value;
	enum block opens;
};

/* An array in a struct: the pointer at, the count at, one element. */
struct array {
	size_t pointer;
	size_t count;
	size_t size;
	size_t line; /* within the element; its name comes first */
};

enum row_flag {
	REQUIRED = 1 << 0,
	REPEATED = 1 << 1,	/* may stand several times in a block */
	DISTINCT = 1 << 2,	/* no value twice */
	IMPLIED = 1 << 3,	/* its block's defaults hold without it */
	BLOCK_OPTIONAL = 1 << 4,
};

#define UNBOUNDED SIZE_MAX

struct row {
	uint32_t in; /* set of blocks, IN(...) */
	const char *keyword;
	enum value_type type;
	unsigned flags;
	size_t offset;	      /* in the struct of the block */
	const char *fallback; /* the default, as one would write it */
	uint64_t low, high;   /* of numbers; high: most values of a list */
	const char *(*check)(const char *text); /* of texts: complaint */
	const struct choice *choices;
	struct array array;   /* of VALUE_ITEM and VALUE_RULE */
	enum block opens;
	size_t sub; /* offset of the opened block's struct */
	enum reference refers;
};

#define IN(block) (UINT32_C(1) << (block))

extern const struct row schema[];
extern const size_t schema_rows;

/* What a block is called in a sentence. */
const char *block_name(enum block block);

/* The row of a keyword in a block; NULL when it has no place there. */
const struct row *schema_find(enum block in, const char *keyword);

/* True when some block has a statement of that name. */
bool schema_keyword(const char *word);

/* The choice of that word, or of that value; NULL when there is none. */
const struct choice *choice_word(const struct row *row, const char *word);
const struct choice *choice_value(const struct row *row, int value);

/* Least and most values of a statement. */
size_t row_least(const struct row *row);
size_t row_most(const struct row *row);

/* The block that a statement opens, given its first value (may be NULL). */
enum block row_opens(const struct row *row, const char *first);

/* True for types whose values are bare words rather than quoted strings. */
bool row_bare(const struct row *row);

#endif
