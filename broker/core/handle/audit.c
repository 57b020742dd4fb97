#include <string.h>

#include "../../base/mem.h"
#include "../audit/audit.h"
#include "handle.h"

#define LINES_BYTES 4000000 /* of one page; a client accepts 4 MiB */

static enum err
read_query(const char *query, int64_t *after, int64_t *limit,
    struct fault *why)
{
	static const char *const fields[] = { "after", "limit" };
	char text[24];
	enum err err;

	err = query_check(query, fields, nitems(fields), why);
	if (err != OK)
		return err;
	if (query_get(query, "after", text, sizeof(text)) &&
	    !number_read(text, after))
		return fault_set(why, ERR_SYNTAX,
		    "query: \"after\" is not a line's number");
	if (query_get(query, "limit", text, sizeof(text)) &&
	    (!number_read(text, limit) || *limit < 1 || *limit > LIST_MOST))
		return fault_set(why, ERR_SYNTAX,
		    "query: \"limit\" is not from 1 to %d", LIST_MOST);
	return OK;
}

enum err
handle_audit_list(struct request *rq, struct reply *rp, struct fault *why)
{
	int64_t after = 0, limit = LIST_LIMIT;
	struct json_writer w;
	struct decision d;
	struct facts facts;
	struct buf lines;
	enum err err;

	err = read_query(rq->query, &after, &limit, why);
	if (err != OK)
		return err;
	facts_from(&facts, rq, OP_AUDIT_READ);
	err = authorize(&facts, rq->peer->pid, &d, why);
	if (err != OK)
		return err;
	buf_init(&lines, LINES_BYTES);
	err = audit_read(core.audit, (uint64_t)after, (size_t)limit, &lines,
	    why);
	if (err == OK) {
		json_write_start(&w, &rp->body);
		json_open_object(&w, NULL);
		json_put_raw(&w, "items", (const char *)lines.data,
		    lines.len);
		json_put_int(&w, "last", (int64_t)audit_last(core.audit));
		json_close_object(&w);
		err = reply_done(rp, why);
	}
	buf_free(&lines);
	return err;
}
