/*
 * A lane's view of a certification request, in DER that no text helps a
 * fuzzer to find.  What it accepts is, to OpenSSL, a request for this very
 * key, with nothing before, behind or beside what we put into one.
 */
#include "../../pkcs11/shape.h"
#include "der.h"
#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct view spki = { der_spki, sizeof(der_spki) };
	struct fault why = { 0 };
	enum err e;

	e = shape_check(PURPOSE_CERTIFICATE, ALG_ES256, spki, p, n, &why);
	if (e == OK)
		der_require_request(p, n);
	else
		require_fault(e, &why);
	return 0;
}
