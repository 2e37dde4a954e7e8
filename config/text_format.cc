#include "config/text_format.h"

#include <algorithm>
#include <tuple>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "config/quote.h"
#include "google/protobuf/io/tokenizer.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"

namespace mycelium {
namespace {

namespace io = google::protobuf::io;
using Token = io::Tokenizer::Token;

// No field lies deeper than 2; the parser recurses, and so must have a bound.
constexpr int kDepthMax = 16;

// Lines and columns from 0, as Protobuf counts them.
struct RawError {
  int line;
  int column;
  std::string text;
};

class RawErrors : public io::ErrorCollector {
 public:
  void AddError(int line, io::ColumnNumber column,
                const std::string& text) override {
    errors_.push_back({line, column, text});
  }
  // Unknown fields come as warnings, so that the parser goes on after them.
  void AddWarning(int line, io::ColumnNumber column,
                  const std::string& text) override {
    AddError(line, column, text);
  }
  const std::vector<RawError>& errors() const { return errors_; }

 private:
  std::vector<RawError> errors_;
};

std::vector<Token> Tokens(absl::string_view text) {
  io::ArrayInputStream input(text.data(), static_cast<int>(text.size()));
  RawErrors ignored;
  io::Tokenizer tokenizer(&input, &ignored);
  tokenizer.set_comment_style(io::Tokenizer::SH_COMMENT_STYLE);
  tokenizer.set_allow_multiline_strings(false);
  std::vector<Token> tokens;
  while (tokenizer.Next()) tokens.push_back(tokenizer.current());
  return tokens;
}

// Says again what TextFormat said, as `subject: what was seen, what is
// allowed`, and points at the field's name where that is what is wrong.
class Translator {
 public:
  explicit Translator(absl::string_view text) : tokens_(Tokens(text)) {}

  TextError Translate(const RawError& raw) const {
    const auto at = std::lower_bound(
        tokens_.begin(), tokens_.end(), raw, [](const Token& t, const auto& e) {
          return std::tie(t.line, t.column) < std::tie(e.line, e.column);
        });
    const size_t index = at - tokens_.begin();
    const Token* before = index > 0 ? &tokens_[index - 1] : nullptr;
    const absl::string_view said = raw.text;
    if (before != nullptr && absl::StrContains(said, " has no field named ")) {
      return At(*before, absl::StrCat("unknown field ", Quote(before->text)));
    }
    if (before != nullptr && absl::StartsWith(said, "Non-repeated field ")) {
      return At(*before,
                absl::StrCat(before->text, ": set again, allowed once"));
    }
    // TextFormat points behind the value here.
    if (before != nullptr && absl::StartsWith(said, "Invalid value for bool")) {
      return At(*before, absl::StrCat(FieldBefore(index - 1), ": ",
                                      Printable(before->text),
                                      ", allowed true or false"));
    }
    return {raw.line + 1, raw.column + 1, Printable(Reworded(said, index))};
  }

 private:
  static TextError At(const Token& token, absl::string_view text) {
    return {token.line + 1, token.column + 1, Printable(text)};
  }

  std::string Reworded(absl::string_view said, size_t index) const {
    const std::string field = FieldBefore(index);
    const std::string seen = index < tokens_.size()
                                 ? Printable(tokens_[index].text)
                                 : "the end of the file";
    if (absl::StartsWith(said, "Expected string, ")) {
      return absl::StrCat(field, ": ", seen, ", allowed text in quotes");
    }
    if (absl::StartsWith(said, "Expected integer, ")) {
      return absl::StrCat(field, ": ", seen, ", allowed a whole number");
    }
    if (absl::StartsWith(said, "Integer out of range ")) {
      return absl::StrCat(field, ": ", seen, " is out of range");
    }
    if (absl::StartsWith(said, "Expected identifier, ")) {
      return absl::StrCat(seen, ", allowed the name of a field");
    }
    if (absl::StartsWith(said, "Expected \"") &&
        absl::StrContains(said, "\", found \"")) {
      const absl::string_view allowed =
          said.substr(10, said.find('"', 10) - 10);
      return absl::StrCat(seen, ", allowed ", allowed);
    }
    return Lowercase(said);
  }

  // The name of the field whose value stands at `index`.
  std::string FieldBefore(size_t index) const {
    while (index > 0 && tokens_[index - 1].text == "-") --index;
    if (index < 2 || tokens_[index - 1].text != ":") return "value";
    return Printable(tokens_[index - 2].text);
  }

  static std::string Lowercase(absl::string_view said) {
    std::string text(absl::StripSuffix(said, "."));
    if (!text.empty()) text[0] = absl::ascii_tolower(text[0]);
    return text;
  }

  const std::vector<Token> tokens_;
};

}  // namespace

bool ReadTextFormat(absl::string_view text, google::protobuf::Message* message,
                    google::protobuf::TextFormat::ParseInfoTree* places,
                    std::vector<TextError>* errors) {
  io::ArrayInputStream input(text.data(), static_cast<int>(text.size()));
  RawErrors raw;
  google::protobuf::TextFormat::Parser parser;
  parser.RecordErrorsTo(&raw);
  parser.WriteLocationsTo(places);
  parser.AllowUnknownField(true);
  parser.SetRecursionLimit(kDepthMax);
  const bool whole = parser.Parse(&input, message);
  if (raw.errors().empty()) return whole;
  const Translator translator(text);
  for (const RawError& error : raw.errors()) {
    errors->push_back(translator.Translate(error));
  }
  return whole;
}

}  // namespace mycelium
