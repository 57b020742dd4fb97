/* Telling the programs that use a certificate. */
#ifndef CORE_DEPLOY_H
#define CORE_DEPLOY_H

/* Goes on with the deployments that the store knows to be open. */
void deployments_load(void);

#endif
