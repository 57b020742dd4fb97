/* The Link header field, RFC 8288 section 3. */
#ifndef ISSUER_LINK_H
#define ISSUER_LINK_H

/*
 * Calls each with the target of every link of that relation in a field
 * value.  Links about another resource (anchor) are left out; reading stops
 * where the syntax ends.
 */
void link_each(const char *value, const char *relation,
    void (*each)(const char *target, void *arg), void *arg);

#endif
