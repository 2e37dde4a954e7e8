#include "client/cli/screen.h"

#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>

namespace mycelium::cli {
namespace {

// The other page without a cursor; and back.
constexpr char kEnter[] = "\x1b[?1049h\x1b[?25l";
constexpr char kLeave[] = "\x1b[?25h\x1b[?1049l";
constexpr char kHome[] = "\x1b[H";
constexpr char kClearRestOfLine[] = "\x1b[K";
constexpr char kClearRest[] = "\x1b[J";

constexpr size_t kColumnsDefault = 80;
constexpr size_t kRowsDefault = 24;

bool WriteAll(const std::string& text) {
  size_t at = 0;
  while (at < text.size()) {
    const ssize_t n = write(STDOUT_FILENO, text.data() + at, text.size() - at);
    if (n < 0 && errno != EINTR) return false;
    if (n > 0) at += static_cast<size_t>(n);
  }
  return true;
}

winsize Size() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return {};
  return size;
}

// The first `columns` characters of UTF-8.
std::string Cut(const std::string& line, size_t columns) {
  size_t characters = 0, at = 0;
  for (; at < line.size(); ++at) {
    const bool begins = (static_cast<unsigned char>(line[at]) & 0xc0) != 0x80;
    if (begins && ++characters > columns) break;
  }
  return line.substr(0, at);
}

// Only so that poll ends.
void OnResize(int) {}

void WatchResize(void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  sigaction(SIGWINCH, &action, nullptr);
}

}  // namespace

bool Screen::Possible() {
  return isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1;
}

Screen::Screen() {
  tcgetattr(STDIN_FILENO, &before_);
  termios raw = before_;
  raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  raw.c_cc[VMIN] = 0;
  raw.c_cc[VTIME] = 0;
  raw.c_cc[VSUSP] = raw.c_cc[VQUIT] = _POSIX_VDISABLE;
  tcsetattr(STDIN_FILENO, TCSANOW, &raw);
  WatchResize(OnResize);
  WriteAll(kEnter);
}

Screen::~Screen() {
  WriteAll(kLeave);
  WatchResize(SIG_DFL);
  tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
}

size_t Screen::columns() const {
  const size_t columns = Size().ws_col;
  return columns == 0 ? kColumnsDefault : columns;
}

size_t Screen::rows() const {
  const size_t rows = Size().ws_row;
  return rows == 0 ? kRowsDefault : rows;
}

bool Screen::Draw(const std::vector<std::string>& lines) {
  std::string page = kHome;
  for (size_t i = 0; i < lines.size(); ++i) {
    // A newline behind the last one would scroll.
    if (i > 0) page += "\r\n";
    page += Cut(lines[i], columns()) + kClearRestOfLine;
  }
  return WriteAll(page + kClearRest);
}

Screen::Event Screen::Wait(int timeout_ms, int stop_descriptor, char* key) {
  pollfd watched[] = {{stop_descriptor, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
  const int ready = poll(watched, 2, timeout_ms);
  if (ready < 0) return Event::kResized;
  if (ready == 0) return Event::kTime;
  if (watched[0].revents != 0) return Event::kStop;
  return read(STDIN_FILENO, key, 1) == 1 ? Event::kKey : Event::kStop;
}

}  // namespace mycelium::cli
