/* The header in C89, and what its macros make of it. */
#include "client/c/mycelium.h"

const char* header_c89_version(void);

const char* header_c89_version(void) {
  mycelium_connect_options connect_options;
  mycelium_subscribe_options subscribe_options;
  mycelium_runtime* runtime;
  if (mycelium_connect_options_init(&connect_options) != MYCELIUM_OK ||
      mycelium_subscribe_options_init(&subscribe_options) != MYCELIUM_OK) {
    return mycelium_last_error();
  }
  runtime = mycelium_runtime_connect("inproc:", &connect_options);
  if (runtime == NULL) return mycelium_last_error();
  if (mycelium_runtime_destroy(runtime) != MYCELIUM_OK) {
    return mycelium_last_error();
  }
  return mycelium_version();
}
