//! The rules by which findings are made, and what each is about.

/// What a rule is about, in one sentence.
pub(super) fn about(rule: &str) -> &'static str {
    match rule {
        "forbidden-global" => "The pickle names something that no honest pickle names.",
        "forbidden-call" => "The pickle calls something that no honest pickle names.",
        "unused-import" => "A module is imported and nothing of it is used.",
        "computed-name" => "A class or function is named by text that is computed while loading.",
        "computed-state" => "An object is given a state that is computed while loading.",
        "call-standard" => "A function of the standard library is called that no pickle calls.",
        "call-package" => "A function of a package that many have is called, or a class with text.",
        "call-unknown" => "A function that nobody knows is called with text.",
        "call-object" => "Something is called that is no class or function by its name.",
        "call-own-code" => "A function is called whose code the pickle brings.",
        "call-arguments" => {
            "A function that honest pickles call is called with arguments that they do not use."
        }
        "own-code-runs" => "A class is made whose own methods run while it is loaded.",
        "construct-object" => "An object is constructed that should not be.",
        "change-shared" => "Something is changed that the pickle has not made.",
        "change-unknown" => "What a function that nobody knows has returned is changed.",
        "forged-hook" => "An object is given an attribute that Python takes for a hook.",
        "dunder" => "The inside of a class, a function or an object is reached for.",
        "traversal" => "A module or function is reached by way of another.",
        "extension-code" => "An extension code stands for something that only the loading program knows.",
        "zip-lists-differ" => {
            "The two lists of members in a zip archive differ, so that readers see different archives."
        }
        "memo-reused" => "An index of the memo is stored at twice.",
        "odd-name" => "A name is spelled as no pickler spells it.",
        "number" | "grammar.number" => "A number is spelled as no pickler spells it.",
        "memo-index" => "An index of the memo is spelled as no pickler spells it.",
        "proto-again" | "grammar.proto" => "PROTO is not the first opcode, or is there twice.",
        "frame-edge" | "frame-nested" | "grammar.frame" => "Frames do not fit the opcodes in them.",
        "opcode-above-protocol" | "grammar.opcode" => {
            "An opcode is newer than the protocol that is declared."
        }
        "malformed" => "The pickle breaks off.",
        "archive" | "unpack" => "Packed data is damaged.",
        "encrypted" => "Something is encrypted and was not looked into.",
        "unsupported" | "unreadable" => "Something cannot be opened and was not looked into.",
        "no-pickle" => "A file that promises a pickle by its name has none.",
        rule if rule.starts_with("budget") => "Loading would take memory, time or depth out of proportion.",
        _ => "The pickle needs something that no shipped policy grants.",
    }
}
