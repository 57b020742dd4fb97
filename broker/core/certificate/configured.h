/* The certificates of the configuration, in the store. */
#ifndef CORE_CONFIGURED_H
#define CORE_CONFIGURED_H

/* Brings them into the store, and tells it which are gone. */
void certificates_load(void);

#endif
