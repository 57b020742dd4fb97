/*
 * Registered domains, as the public suffix list has them: what CAs count
 * names by.  The list of the system is read once, at the start.
 */
#ifndef CORE_REGISTERED_H
#define CORE_REGISTERED_H

#define REGISTERED_SIZE 256

/* To be called before the process gives up its right to open files. */
void registered_start(void);
void registered_stop(void);

/*
 * What an identifier is counted by: of a DNS name its registered domain (or
 * itself, when it is a public suffix), of an IPv4 address itself, of an IPv6
 * address its network of 64 bits.
 */
void registered_domain(const char *identifier,
    char out[static REGISTERED_SIZE]);

#endif
