#include "request.h"

#include <stdlib.h>
#include <string.h>

#include "../broker/base/clock.h"
#include "../broker/base/log.h"
#include "../broker/base/mem.h"
#include "destroy.h"
#include "generate.h"
#include "shape.h"
#include "sign.h"

#define LIST_PAGE     50      /* keys in one answer */
#define RESTART_EVERY 2000000 /* microseconds between two for lost keys */

static enum err
malformed(struct fault *why)
{
	return fault_set(why, ERR_SYNTAX, "malformed request to a lane");
}

/* again: what was remembered about the key led to a signature that did not
 * verify, so that nothing of it is used and the next one is verified here. */
static enum err
sign(struct lane *lane, struct reader *r, bool again, struct buf *answer,
    struct fault *why)
{
	struct view id = reader_bytes(r, CKA_ID_MAX);
	struct view pin = reader_bytes(r, SHA256_SIZE);
	enum sig_alg alg = (enum sig_alg)reader_u8(r);
	struct view text = reader_bytes(r, PREIMAGE_MAX);
	struct sign_result sig;
	struct key *key;
	enum err e;

	if (!reader_done(r) || alg >= ALG__MAX)
		return malformed(why);
	if (again)
		key_forget(&lane->ring, id);
	e = key_get(&lane->ring, id, pin, &key, why);
	if (e == OK)
		e = shape_check(key->about.purpose, alg,
		    (struct view){ key->about.spki, key->about.spkilen },
		    text.p, text.n, why);
	if (e == OK)
		e = sign_message(&lane->session, key, alg, text.p, text.n,
		    &sig, why);
	if (e == OK && again)
		e = sign_verify(key, alg, text.p, text.n, &sig, why);
	if (e != OK)
		return e;
	buf_put_bytes(answer, sig.bytes, sig.n);
	buf_put_u32(answer, sig.microseconds);
	return OK;
}

static enum err
do_sign(struct lane *lane, struct reader *r, struct buf *answer,
    struct fault *why)
{
	return sign(lane, r, false, answer, why);
}

static enum err
do_sign_again(struct lane *lane, struct reader *r, struct buf *answer,
    struct fault *why)
{
	return sign(lane, r, true, answer, why);
}

static enum err
do_generate(struct lane *lane, struct reader *r, struct buf *answer,
    struct fault *why)
{
	enum key_purpose purpose = (enum key_purpose)reader_u8(r);
	enum key_type type = (enum key_type)reader_u8(r);
	char name[KEY_NAME_MAX];
	struct key key;
	bool again;
	enum err e;

	reader_str(r, name, sizeof(name));
	again = reader_u8(r) != 0;
	if (!reader_done(r))
		return malformed(why);
	e = generate_pair(&lane->ring, purpose, type, name, again, &key, why);
	if (e == OK)
		lane_put_key(answer, &key.about);
	return e;
}

static enum err
do_find(struct lane *lane, struct reader *r, struct buf *answer,
    struct fault *why)
{
	struct view id = reader_bytes(r, CKA_ID_MAX);
	struct key key;
	enum err e;

	if (!reader_done(r))
		return malformed(why);
	e = key_find(&lane->ring, id, &key, why);
	if (e == OK)
		lane_put_key(answer, &key.about);
	return e;
}

/* Appends one page from first on; *count tells how many keys it has. */
static enum err
put_page(struct lane *lane, size_t first, struct buf *page, uint32_t *count,
    struct fault *why)
{
	struct listing *l = &lane->listing;
	enum err e = OK;

	*count = 0;
	while (e == OK && *count < LIST_PAGE && first + *count < l->n) {
		size_t at = first + *count;
		struct key key;

		e = key_read(&lane->ring, l->keys[at].handle, &key, why);
		if (e == OK) {
			lane_put_key(page, &key.about);
			++*count;
		} else if (e == ERR_LIMIT || (e == ERR_KEY &&
			why->ckr == CKR_OK)) {
			log_warning("a key of ours is left out: %s",
			    why->text);
			listing_drop(l, at);
			e = OK;
		}
	}
	return e;
}

static enum err
do_list(struct lane *lane, struct reader *r, struct buf *answer,
    struct fault *why)
{
	uint32_t first = reader_u32(r), count;
	struct buf page;
	enum err e;

	if (!reader_done(r))
		return malformed(why);
	buf_init(&page, FRAME_MAX);
	e = listing_refresh(&lane->listing, &lane->session, why);
	if (e == OK)
		e = put_page(lane, first, &page, &count, why);
	if (e == OK) {
		buf_put_u32(answer, (uint32_t)lane->listing.n);
		buf_put_u32(answer, count);
		buf_put(answer, page.data, page.len);
	}
	buf_free(&page);
	return e;
}

static enum err
do_destroy(struct lane *lane, struct reader *r, struct buf *answer,
    struct fault *why)
{
	struct view id = reader_bytes(r, CKA_ID_MAX);
	struct view pin = reader_bytes(r, SHA256_SIZE);

	(void)answer;
	if (!reader_done(r) || id.n == 0)
		return malformed(why);
	return key_destroy(&lane->ring, id, pin, why);
}

static enum err
do_token(struct lane *lane, struct reader *r, struct buf *answer,
    struct fault *why)
{
	struct session *s = &lane->session;
	enum err e;

	if (!reader_done(r))
		return malformed(why);
	e = token_refresh(&s->token, &s->module, why);
	if (e == OK)
		lane_put_token(answer, &s->token.about);
	return e;
}

/* What may be repeated when the token failed in the middle, and what looks
 * for a key that another process may have made. */
static const struct {
	enum err (*run)(struct lane *, struct reader *, struct buf *,
	    struct fault *);
	bool repeatable;
	bool looks;
} ops[] = {
	[LANE_READY] = { NULL, false, false },
	[LANE_SIGN] = { do_sign, true, true },
	[LANE_GENERATE] = { do_generate, false, false },
	[LANE_FIND] = { do_find, true, true },
	[LANE_LIST] = { do_list, true, false },
	[LANE_DESTROY] = { do_destroy, true, true },
	[LANE_TOKEN] = { do_token, true, false },
	[LANE_CHANNEL] = { NULL, false, false },
	[LANE_SIGN_AGAIN] = { do_sign_again, true, false },
};
_Static_assert(nitems(ops) == LANE_OP__MAX, "every operation has a row");

struct call {
	struct lane *lane;
	const struct frame *request;
	struct buf *answer;
};

static enum err
attempt(void *arg, struct fault *why)
{
	struct call *c = arg;
	struct reader r;

	why->ckr = CKR_OK;
	buf_reset(c->answer);
	reader_init(&r, c->request->payload.p, c->request->payload.n);
	return ops[c->request->op].run(c->lane, &r, c->answer, why);
}

static enum err
send_answer(int fd, const struct frame *request, enum err e,
    struct fault *failed, struct buf *answer, struct fault *why)
{
	struct frame head = { .op = request->op, .id = request->id };

	if (e == OK && answer->failed)
		e = fault_set(failed, ERR_LIMIT, "the answer is too long");
	if (e != OK) {
		buf_reset(answer);
		frame_put_fault(answer, failed);
	}
	head.status = (uint16_t)e;
	return frame_send(fd, &head, answer->data, answer->len, why);
}

/*
 * Some modules do not notice what other processes put into the token: SoftHSM
 * loses the news when two write at once, and others load objects at
 * C_Initialize only.  So a key that is not there is looked for once more
 * behind a new C_Initialize, but not so often that asking for nonsense would
 * keep the lane busy.
 */
static bool
worth_restart(struct lane *lane, enum lane_op op, enum err e,
    const struct fault *failed)
{
	int64_t now = clock_monotonic_us();

	if (!ops[op].looks || failed->ckr != CKR_OK ||
	    (e != ERR_KEY && e != ERR_NOT_FOUND) ||
	    (lane->restarted != 0 && now - lane->restarted < RESTART_EVERY))
		return false;
	lane->restarted = now;
	return true;
}

enum err
request_answer(struct lane *lane, int fd, const struct frame *request,
    struct buf *answer, struct fault *why)
{
	struct call call = { lane, request, answer };
	struct fault failed;
	enum err e;

	if (request->op >= nitems(ops) || ops[request->op].run == NULL)
		e = malformed(&failed);
	else
		e = session_run(&lane->session, attempt, &call,
		    ops[request->op].repeatable, &failed);
	if (e != OK && request->op < nitems(ops) &&
	    worth_restart(lane, request->op, e, &failed)) {
		struct fault restart;

		log_debug("%s; looking again", failed.text);
		if (session_restart(&lane->session, &restart) == OK)
			e = session_run(&lane->session, attempt, &call,
			    ops[request->op].repeatable, &failed);
	}
	if (e != OK)
		log_debug("operation %u: %s", request->op, failed.text);
	return send_answer(fd, request, e, &failed, answer, why);
}

enum err
request_ready(struct lane *lane, int fd, enum err e, struct fault *why)
{
	struct frame ready = { .op = LANE_READY };
	struct fault failed = *why;
	struct buf answer;

	buf_init(&answer, FRAME_MAX);
	if (e == OK)
		lane_put_token(&answer, &lane->session.token.about);
	e = send_answer(fd, &ready, e, &failed, &answer, why);
	buf_free(&answer);
	return e;
}
