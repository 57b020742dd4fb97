/* Attributes of objects, and finding objects by them. */
#ifndef PKCS11_ATTRIBUTE_H
#define PKCS11_ATTRIBUTE_H

#include "session.h"

/*
 * Reads one attribute into p (at most max bytes) and its length into *n; an
 * attribute that the object lacks or keeps to itself has length 0.  ERR_LIMIT
 * when it is larger than max.
 */
enum err attribute_bytes(struct session *s, CK_OBJECT_HANDLE object,
    CK_ATTRIBUTE_TYPE type, void *p, size_t max, size_t *n,
    struct fault *why);

/* Reads the boolean attributes into bits of enum key_attribute. */
enum err attribute_flags(struct session *s, CK_OBJECT_HANDLE object,
    uint32_t *flags, struct fault *why);

/* True when the object does not give that attribute away. */
bool attribute_kept(struct session *s, CK_OBJECT_HANDLE object,
    CK_ATTRIBUTE_TYPE type);

/*
 * Finds objects by a template: at most max handles; *n may be max although
 * there are more.  The search is always closed.
 */
enum err object_find(struct session *s, CK_ATTRIBUTE *template, size_t count,
    CK_OBJECT_HANDLE *found, size_t max, size_t *n, struct fault *why);

#endif
