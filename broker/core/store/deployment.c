#include "sql.h"

static const char *const states[] = {
	[DEPLOY_PENDING] = "pending",
	[DEPLOY_RUNNING] = "running",
	[DEPLOY_DONE] = "deployed",
	[DEPLOY_FAILED] = "failed",
};
_Static_assert(nitems(states) == DEPLOY_STATE__MAX, "every state has a word");

const char *
deployment_state_name(enum deployment_state state)
{
	return (unsigned)state < DEPLOY_STATE__MAX ? states[state] : "unknown";
}

static const struct column columns[] = {
	COL_TEXT(deployment_row, certificate, "certificate"),
	COL_I64(deployment_row, order, "order_id"),
	COL_WORD(deployment_row, state, "state", deployment_state_name,
	    DEPLOY_STATE__MAX),
	COL_U32(deployment_row, attempts, "attempts"),
	COL_I64(deployment_row, next_at, "next_at"),
	COL_I64(deployment_row, updated, "updated"),
	COL_U32(deployment_row, exit_status, "exit_status"),
	COL_TEXT(deployment_row, output, "output"),
};
static const struct columns deployments = { "deployment",
	sizeof(struct deployment_row), columns, nitems(columns) };

enum err
store_deployment_put(struct store *s, const struct deployment_row *d,
    struct fault *why)
{
	return store_put(s, SQL_DEPLOYMENT_PUT, &deployments, d, NULL, why);
}

enum err
store_deployment_get(struct store *s, const char *certificate,
    struct deployment_row *d, struct fault *why)
{
	return store_get(s, SQL_DEPLOYMENT_GET, &deployments, d,
	    VALUES({ .text = certificate }), why);
}

enum err
store_deployments_due(struct store *s, int64_t now_ms,
    bool (*visit)(const struct deployment_row *, void *), void *arg,
    struct fault *why)
{
	char cursor[STORE_NAME] = "";
	struct deployment_row d;
	enum err err = OK;

	while (err == OK) {
		err = store_find(s, SQL_DEPLOYMENT_DUE_NEXT, &deployments, &d,
		    VALUES({ .text = cursor }, { .number = now_ms }), why);
		if (err == OK && !visit(&d, arg))
			break;
		memcpy(cursor, d.certificate, sizeof(cursor));
	}
	return err == ERR_NOT_FOUND ? OK : err;
}
