// The header in C++11.
#include "client/c/mycelium.h"

const char* HeaderCpp11Version() {
  mycelium_subscribe_options options;
  return mycelium_subscribe_options_init(&options) == MYCELIUM_OK
             ? mycelium_version()
             : mycelium_last_error();
}
