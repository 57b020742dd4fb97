/*
 * Where a lane's PIN comes from.  keybrokerd opens it and passes the
 * descriptor; it reads a PIN only when it asks for one at the terminal.
 */
#ifndef SUPERVISOR_PIN_H
#define SUPERVISOR_PIN_H

#include "../../policy/config.h"
#include "../base/err.h"

/* Asks at the controlling terminal, without echo; gives a sealed memory file.
 * ERR_CONFIG when there is no terminal. */
enum err pins_prompt(const struct config_token *token, int *fd,
    struct fault *why);

/* Gives a descriptor of the token's PIN at offset 0, to be closed.  prompted
 * is what pins_prompt() gave, or -1. */
enum err pins_open(const struct config_token *token, int prompted, int *fd,
    struct fault *why);

#endif
