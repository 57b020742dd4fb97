/*
 * The one gate between a client's request and what it asks for: policy, then
 * an audit line of the decision, then (and only then) the act.
 */
#ifndef CORE_AUTHORIZE_H
#define CORE_AUTHORIZE_H

#include "../../../api/route.h"
#include "../../../policy/evaluate.h"

struct gatekeeper;
struct gatekeeper *gatekeeper_new(const struct config *config);
void gatekeeper_free(struct gatekeeper *g);

/* What was charged of long rates since, for counters.c; and back again. */
void gatekeeper_save(struct gatekeeper *g, limits_give_fn *give, void *arg);
void gatekeeper_restore(struct gatekeeper *g, const char *name,
    const struct bucket *b);
void counters_load(void);
void counters_save(void);

/* Fills the peer's part of facts. */
void facts_peer(struct facts *facts, const struct peer *peer,
    enum operation op);
void facts_from(struct facts *facts, const struct request *rq,
    enum operation op);

/* The number of the first tenant that a peer belongs to; 0: of none. */
size_t peer_tenant(const struct peer *peer);

/*
 * Decides and writes the audit line of the decision: event "decision" with
 * operation, allow, rule line, tenant, uid, gid, pid, listener, and the facts.  ERR_DENIED or
 * ERR_RATE with the reason when refused.  An audit line that cannot be
 * written refuses too.
 */
enum err authorize(const struct facts *facts, int pid,
    struct decision *decision, struct fault *why);

/*
 * As authorize(), for a request about something that the store knows more of:
 * known is all of that, asked only what the client said.  A refusal for what
 * only the store knows, and any of what is another tenant's, is ERR_NOT_FOUND
 * and reads as if the thing did not exist.
 */
enum err authorize_known(const struct facts *known, const struct facts *asked,
    int pid, struct decision *decision, struct fault *why);

/*
 * As authorize(), without writing: for acts whose outcome belongs into the
 * same line (signatures).  The caller then calls audit_act() before it
 * releases anything; a refusal is audited here.
 */
enum err authorize_act(const struct facts *facts, int pid,
    struct decision *decision, struct fault *why);

/* members: further JSON members about the act, or "". */
enum err audit_act(const struct facts *facts, int pid,
    const struct decision *decision, const char *members, size_t n,
    struct fault *why);

/* "there is no key named ...", in the store's words: so that a thing of
 * another tenant's reads like one that does not exist. */
enum err no_such(const char *what, const char *name, struct fault *why);

/* The same for a request that was only to be tried: event "dry-run". */
enum err audit_dry_run(const struct facts *facts, int pid,
    const struct decision *decision, const char *members, size_t n,
    struct fault *why);

/* The decision by itself: with spend it is charged to its rule's rate. */
struct decision judge(const struct facts *facts, bool spend);
struct decision explain(const struct facts *facts); /* without */

/* A refusal as an error for the client, which told asked; see
 * authorize_known(). */
enum err decision_fault(const struct facts *asked,
    const struct decision *decision, struct fault *why);

/* Writes what a request was about. */
void facts_tell(struct json_writer *w, const struct facts *facts);

/* Writes the members of a decision into an open object. */
void decision_tell(struct json_writer *w, const struct facts *facts,
    const struct decision *decision);

/* For http_server_on_refusal(): event "refused". */
void audit_refusal(const struct peer *peer, const char *method,
    const char *target, const struct fault *why);

/* For http_server_on_outcome(): an act that authorize() announced and that
 * came to nothing has a second line, of event "failed". */
void audit_outcome(const struct peer *peer, const char *method,
    const char *target, enum err result, const struct fault *why);

#endif
