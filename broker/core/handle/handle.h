/*
 * What the API's handlers share.  Each handler reads: facts, authorize(),
 * act, reply.  Handlers run on many threads at once; their state is their
 * own.
 */
#ifndef CORE_HANDLE_H
#define CORE_HANDLE_H

#include "../../../api/route.h"
#include "../../base/words.h"
#include "authorize.h"
#include "../core.h"
#include "../key/lanes.h"
#include "../store/store.h"

/* Members that are left out when there is nothing to say. */
void put_some(struct json_writer *w, const char *name, const char *text);
void put_time(struct json_writer *w, const char *name, int64_t seconds);
void put_time_ms(struct json_writer *w, const char *name, int64_t ms);
/* The words of a text as an array. */
void put_words(struct json_writer *w, const char *name, const char *text);

/* A body that must be {}. */
enum err body_empty(const struct request *rq, struct fault *why);

/* OK unless the reply did not fit. */
enum err reply_done(struct reply *rp, struct fault *why);

/* Sets account, and ca as the configuration has it. */
void facts_account(struct facts *facts, const char *account);

/*
 * A certificate with what policy wants to know of it.  subject_load() gives
 * OK as well when there is none, so that a client that may not even ask
 * learns nothing; then found is false and facts has the name only.
 */
struct subject {
	struct certificate_row row;
	struct words names;
	bool found;
};
enum err subject_load(struct subject *s, const char *certificate,
    struct facts *facts, struct fault *why);
void subject_facts(struct subject *s, struct facts *facts);
void subject_free(struct subject *s);

/*
 * A page of a list.  Only items for which policy allows the operation are
 * shown.  A client whose rules speak of single things only (certificates
 * "web-*") may list those: its request is then charged and audited with the
 * first thing that it may see.  Who may see nothing is denied.
 *
 * The visitor of an iterator sets facts, asks listing_shows(), writes the
 * item with w, and gives back listing_goes_on().
 */
#define LIST_LIMIT   100     /* items of a page unless asked for otherwise */
#define LIST_MOST    500     /* that may be asked for */
#define LIST_SCAN    1000000 /* looked at for one page */
#define LIST_BYTES   1048576 /* at which a page ends */

struct listing {
	struct facts facts;
	struct json_writer w;
	char after[STORE_NAME]; /* cursor given, or "" */
	const struct request *rq;
	struct reply *rp;
	struct fault *why;
	enum err err;	 /* ends the list */
	bool authorized;
	bool more;
	size_t limit, shown;
	char last[STORE_NAME];
};
enum err listing_start(struct listing *l, struct request *rq,
    struct reply *rp, enum operation op, struct fault *why);
bool listing_shows(struct listing *l, const char *cursor);
bool listing_goes_on(const struct listing *l);
enum err listing_end(struct listing *l, enum err err);

/* Checks that a raw query has only these fields, each once and well formed. */
enum err query_check(const char *query, const char *const *names, size_t n,
    struct fault *why);

/*
 * What is decided about a certificate must still hold when it is changed: who
 * declares, deletes or orders one holds this from looking it up to the end.
 */
void certificates_lock(void);
void certificates_unlock(void);

/* "dry-run=1", or nothing, is the query. */
enum err query_dry_run(const struct request *rq, bool *dry_run,
    struct fault *why);

/* A whole number of at most 18 digits, without sign or leading zero. */
bool number_read(const char *text, int64_t *out);

/* A page of a list that has "after" and "limit" only. */
enum err page_check(const struct request *rq, struct fault *why);

/* Objects in replies, shared by the handlers of their noun and of others. */
void put_token(struct json_writer *w, const char *name,
    const struct lanes_status *token);
void put_key(struct json_writer *w, const struct key_row *key);
void put_account(struct json_writer *w, const struct account_row *account);
void put_certificate(struct json_writer *w, const struct certificate_row *c);
void put_order(struct json_writer *w, const struct order_row *o,
    const struct certificate_row *c, bool whole);

#endif
