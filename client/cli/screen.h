// A terminal as a page that is drawn again and again, with single keys.  A few
// escape sequences that every terminal of today knows: less than ncurses would
// bring along, whose windows and terminal data base nothing here needs.
// Not thread-safe; one at a time.
#ifndef MYCELIUM_CLIENT_CLI_SCREEN_H_
#define MYCELIUM_CLIENT_CLI_SCREEN_H_

#include <termios.h>

#include <cstddef>
#include <string>
#include <vector>

namespace mycelium::cli {

class Screen {
 public:
  // Standard input and output are terminals.
  static bool Possible();

  // Takes the terminal over: another page, no cursor, no echo.  Ctrl-C still
  // is a signal; Ctrl-Z and Ctrl-\ are off, since they would leave it so.
  // REQUIRES: Possible().
  Screen();
  // Gives it back as it was.
  ~Screen();
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  size_t columns() const;
  size_t rows() const;
  // False: the terminal takes no more.  Lines that are longer than columns()
  // characters are cut.
  bool Draw(const std::vector<std::string>& lines);

  enum class Event { kTime, kKey, kResized, kStop };
  // `stop_descriptor`: readable when it has to end; so is a terminal that has
  // gone.  With kKey, *key.
  static Event Wait(int timeout_ms, int stop_descriptor, char* key);

 private:
  termios before_;
};

}  // namespace mycelium::cli

#endif  // MYCELIUM_CLIENT_CLI_SCREEN_H_
