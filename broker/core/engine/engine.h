/*
 * Drives accounts, orders, deployments and key grace: decides what is next,
 * does what is local, and hands what needs the network to the issuer, one
 * task at a time.  Thread-safe.
 */
#ifndef CORE_ENGINE_H
#define CORE_ENGINE_H

#include "../../../api/json.h"
#include "../store/store.h"

struct engine;

/* Loads open work from the store and brings the configured accounts and
 * certificates into it. */
struct engine *engine_new(struct fault *why);

/* Nothing new is begun, and who waits for work is sent home. */
void engine_stop(struct engine *e);
/* After engine_stop(): waits for what is running. */
void engine_free(struct engine *e);

/* Something may be due: looks now instead of at the next timer. */
void engine_wake(struct engine *e);

/*
 * Orders a certificate.  ERR_CONFLICT when an order is open (its id is
 * given all the same).
 */
enum err engine_order(struct engine *e, const char *certificate, int64_t *id,
    struct fault *why);
enum err engine_cancel(struct engine *e, int64_t order, struct fault *why);

/* Starts the registration of an account that is not valid. */
enum err engine_register(struct engine *e, const char *account,
    struct fault *why);

/* The kid and key of a valid account; ERR_CONFLICT when it is not valid. */
enum err engine_account(struct engine *e, const char *account,
    struct account_row *row, struct fault *why);

/* True when url belongs to the CA of the account: its scheme, host and port
 * are those of a URL in the CA's directory. */
bool engine_url_of_ca(struct engine *e, const char *account, const char *url);

/* What keeps the broker from talking to a CA at all; "" when nothing does. */
void engine_ca_trouble(struct engine *e, const char *ca,
    char out[static FAULT_MAX]);

/* The number of the present issuer, or of the next one when it is gone. */
uint64_t engine_issuer(struct engine *e);

/* The issuer's three questions; see broker/issuer/protocol.h.  One that has
 * gone may have left a question behind: there is no task for it. */
enum err engine_next(struct engine *e, uint64_t issuer, int wait_ms,
    struct buf *out, struct fault *why);
enum err engine_jws(struct engine *e, int64_t task, const char *url,
    const char *nonce, struct buf *out, struct fault *why);
enum err engine_result(struct engine *e, int64_t task,
    const struct json *result, struct fault *why);

/* The key authorization of an http-01 token; owned, NULL when unknown. */
char *engine_challenge(struct engine *e, const char *token);

/* The lane and issuer side of life, from the control channel.  When the
 * issuer is gone, what it was doing is taken as possibly done and is asked
 * after again. */
void engine_issuer_gone(struct engine *e);
void engine_hook_done(struct engine *e, uint64_t id, uint32_t status,
    bool timed_out, const char *output);

#endif
