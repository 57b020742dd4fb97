#include "lane.h"

#include <string.h>

#include "mem.h"

static const char *const purposes[] = {
	[PURPOSE_ACCOUNT] = "account",
	[PURPOSE_CERTIFICATE] = "cert",
	[PURPOSE_AUDIT] = "audit",
};
_Static_assert(nitems(purposes) == PURPOSE__MAX, "every purpose has a word");

const char *
purpose_name(enum key_purpose purpose)
{
	return (unsigned)purpose < PURPOSE__MAX ? purposes[purpose] : "unknown";
}

enum key_purpose
purpose_parse(const char *name)
{
	for (unsigned i = 0; i < PURPOSE__MAX; i++)
		if (strcmp(purposes[i], name) == 0)
			return (enum key_purpose)i;
	return PURPOSE__MAX;
}

void
lane_put_key(struct buf *b, const struct lane_key *key)
{
	buf_put_bytes(b, key->id, key->idlen);
	buf_put_u8(b, (uint8_t)key->purpose);
	buf_put_u8(b, (uint8_t)key->type);
	buf_put_str(b, key->name);
	buf_put_bytes(b, key->spki, key->spkilen);
	buf_put_u32(b, key->attributes);
}

static size_t
copy_bytes(struct reader *r, unsigned char *out, size_t max)
{
	struct view v = reader_bytes(r, max);

	if (v.n != 0)
		memcpy(out, v.p, v.n);
	return v.n;
}

void
lane_get_key(struct reader *r, struct lane_key *key)
{
	memset(key, 0, sizeof(*key));
	key->idlen = copy_bytes(r, key->id, sizeof(key->id));
	key->purpose = (enum key_purpose)reader_u8(r);
	key->type = (enum key_type)reader_u8(r);
	reader_str(r, key->name, sizeof(key->name));
	key->spkilen = copy_bytes(r, key->spki, sizeof(key->spki));
	key->attributes = reader_u32(r);
	if (key->purpose >= PURPOSE__MAX || key->type >= KEY_TYPE__MAX)
		r->failed = true;
}

void
lane_put_token(struct buf *b, const struct lane_token *token)
{
	buf_put_str(b, token->label);
	buf_put_str(b, token->serial);
	buf_put_str(b, token->manufacturer);
	buf_put_str(b, token->model);
	buf_put_u32(b, token->flags);
	buf_put_u32(b, token->key_types);
	buf_put_u32(b, token->algs);
}

void
lane_get_token(struct reader *r, struct lane_token *token)
{
	memset(token, 0, sizeof(*token));
	reader_str(r, token->label, sizeof(token->label));
	reader_str(r, token->serial, sizeof(token->serial));
	reader_str(r, token->manufacturer, sizeof(token->manufacturer));
	reader_str(r, token->model, sizeof(token->model));
	token->flags = reader_u32(r);
	token->key_types = reader_u32(r);
	token->algs = reader_u32(r);
}
