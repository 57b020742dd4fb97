/* The members of ACME payloads: how each is read, written and told of. */
#ifndef CORE_MEMBER_H
#define CORE_MEMBER_H

#include "act.h"

struct member_row {
	const char *name;
	enum err (*read)(struct understood *, const struct json *,
	    struct fault *);
	void (*write)(const struct understood *, struct json_writer *,
	    const char *name);
	void (*tell)(const struct understood *, struct json_writer *,
	    const char *name); /* NULL: as it is written */
};

extern const struct member_row members[MEMBER__MAX];

#endif
