//! `tipple pipeline NAME VERB` and `tipple pipeline VERB NAME` mean the same.
//!
//! The parser knows the second form only; this module brings the words into that order before they are parsed. Words are
//! told from values of options by asking the parser's own definition which options take one.

use std::ffi::OsString;

use clap::CommandFactory as _;

use crate::args::Cli;

const PIPELINE: &str = "pipeline";
const LIST: &str = "list";
const INFO: &str = "info";

/// The words in the order that the parser knows.
pub fn arrange(words: Vec<OsString>) -> Vec<OsString> {
    let definition = Cli::command();
    let Some(pipeline) = definition.find_subcommand(PIPELINE) else {
        return words;
    };
    let Some(place) = positions(&definition, &words, 1).first().copied() else {
        return words;
    };
    if words[place] != PIPELINE {
        return words;
    }
    arrange_pipeline(&definition, pipeline, words, place + 1)
}

fn arrange_pipeline(
    definition: &clap::Command,
    pipeline: &clap::Command,
    mut words: Vec<OsString>,
    start: usize,
) -> Vec<OsString> {
    let is_verb = |word: &OsString| {
        word.to_str()
            .is_some_and(|word| pipeline.find_subcommand(word).is_some())
    };
    let asks_for_help = words[start..]
        .iter()
        .any(|word| word == "--help" || word == "-h");
    let name = take_name(&mut words, start);
    let plain = positions(definition, &words, start);
    match (plain.as_slice(), name) {
        ([], None) if asks_for_help => (),
        ([], None) => words.insert(start, LIST.into()),
        ([], Some(name)) => {
            words.splice(start..start, [INFO.into(), name]);
        }
        ([first, ..], Some(name)) => words.insert(first + 1, name),
        ([first, ..], None) if is_verb(&words[*first]) => (),
        ([first], None) if !asks_for_help => words.insert(*first, INFO.into()),
        ([first, second, ..], None) if is_verb(&words[*second]) => {
            let verb = words.remove(*second);
            words.insert(*first, verb);
        }
        _ => (),
    }
    words
}

/// Takes `--name NAME` out of the words: from here on it is the word after the verb.
fn take_name(words: &mut Vec<OsString>, start: usize) -> Option<OsString> {
    let place = words[start..]
        .iter()
        .position(|word| is_option(word, "--name"))?
        + start;
    let word = words.remove(place);
    match word.to_str().and_then(|word| word.split_once('=')) {
        Some((_, name)) => Some(name.into()),
        None if place < words.len() => Some(words.remove(place)),
        None => None,
    }
}

fn is_option(word: &OsString, option: &str) -> bool {
    word.to_str().is_some_and(|word| {
        word == option
            || word
                .strip_prefix(option)
                .is_some_and(|rest| rest.starts_with('='))
    })
}

/// Indexes of the words from `start` on that are neither options nor their values.
fn positions(definition: &clap::Command, words: &[OsString], start: usize) -> Vec<usize> {
    let mut found = Vec::new();
    let mut index = start;
    while index < words.len() {
        let word = words[index].to_string_lossy();
        if word == "--" {
            found.extend(index + 1..words.len());
            break;
        }
        if word.len() > 1 && word.starts_with('-') {
            index += usize::from(takes_next(definition, &word));
        } else {
            found.push(index);
        }
        index += 1;
    }
    found
}

/// True when the value of this option is the next word.
fn takes_next(command: &clap::Command, word: &str) -> bool {
    let is_meant = |arg: &clap::Arg| match word.strip_prefix("--") {
        Some(long) => arg.get_long() == Some(long),
        None => word.len() == 2 && arg.get_short().is_some_and(|short| word.ends_with(short)),
    };
    let here = command
        .get_arguments()
        .any(|arg| is_meant(arg) && arg.get_action().takes_values());
    here || command.get_subcommands().any(|sub| takes_next(sub, word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(typed: &str, parsed: &str) {
        let words = typed.split_whitespace().map(OsString::from).collect();
        let arranged: Vec<String> = arrange(words)
            .iter()
            .map(|word| word.to_string_lossy().into_owned())
            .collect();
        assert_eq!(arranged.join(" "), parsed);
    }

    #[test]
    fn both_word_orders_are_one_command() {
        check("tipple pipeline shop trace", "tipple pipeline trace shop");
        check("tipple pipeline trace shop", "tipple pipeline trace shop");
        check(
            "tipple pipeline shop load-package 17.5 -v",
            "tipple pipeline load-package shop 17.5 -v",
        );
        check(
            "tipple pipeline shop drop a re:b --drop-all",
            "tipple pipeline drop shop a re:b --drop-all",
        );
    }

    #[test]
    fn a_name_alone_means_info_and_nothing_means_list() {
        check("tipple pipeline shop", "tipple pipeline info shop");
        check("tipple pipeline", "tipple pipeline list");
        check("tipple pipeline -l", "tipple pipeline list -l");
        check("tipple -o json pipeline", "tipple -o json pipeline list");
    }

    #[test]
    fn values_of_options_are_no_words() {
        check(
            "tipple -o json pipeline --pipelines-dir trace shop",
            "tipple -o json pipeline --pipelines-dir trace info shop",
        );
        check(
            "tipple pipeline shop --output yaml runs --limit 3",
            "tipple pipeline runs shop --output yaml --limit 3",
        );
    }

    #[test]
    fn a_name_option_settles_a_pipeline_that_is_named_like_a_verb() {
        check("tipple pipeline --name trace", "tipple pipeline info trace");
        check(
            "tipple pipeline drop --name=sync a",
            "tipple pipeline drop sync a",
        );
        check(
            "tipple pipeline --name trace trace --run 1",
            "tipple pipeline trace trace --run 1",
        );
    }

    #[test]
    fn help_and_other_commands_stay_as_they_are() {
        check("tipple pipeline --help", "tipple pipeline --help");
        check("tipple pipeline shop --help", "tipple pipeline shop --help");
        check("tipple query pipeline shop", "tipple query pipeline shop");
        check("tipple", "tipple");
    }
}
