//! An engine whose every input is written down and whose every answer is judged.

use super::input::{Input, Output};
use super::rules::Rules;
use super::shadow::Shadow;
use std::rc::Rc;
use unruffled_core::config::Reading;
use unruffled_core::{Answer, Engine, Step};

/// A sentence that an answer broke, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("input {at}: {why}")]
pub struct Broken {
    /// The place of the input in the tape.
    pub at: usize,
    pub input: Input,
    pub output: Option<Output>,
    pub why: String,
}

/// One client's core under watch.
#[derive(Debug)]
pub struct Checked {
    engine: Engine,
    pub shadow: Shadow,
    pub tape: Vec<Input>,
}

impl Checked {
    /// Opens and seeds an engine of a drawn policy, all events subscribed.
    ///
    /// # Panics
    /// The core refuses the policy: the rules drew nonsense.
    #[must_use]
    pub fn open(rules: &Rc<Rules>, seed: u64) -> Self {
        let text = rules.text();
        let mut engine = match Engine::open(&text, Reading::Strict) {
            Ok(engine) => engine,
            Err(issues) => panic!("the drawn policy {text} is refused: {issues:?}"),
        };
        engine.seed(seed);
        engine.subscribe(255);
        Self { engine, shadow: Shadow::new(Rc::clone(rules)), tape: Vec::new() }
    }

    /// One input, judged.
    ///
    /// # Errors
    /// The sentence that its answer broke.
    pub fn play(&mut self, input: Input) -> Result<Output, Box<Broken>> {
        self.tape.push(input);
        let output = input.play(&mut self.engine);
        if let Output::Word(answer) = &output
            && let Some(call) = self.shadow.asks_for_record(&input, *answer)
        {
            self.shadow.hear_record(&self.engine.report(call));
        }
        let judged = match &output {
            Output::Word(answer) => self.shadow.word(&self.engine, &input, *answer),
            Output::Number(number) => match input {
                Input::Scope { origin, credential } => self.shadow.scope(origin, credential, *number),
                _ => Ok(()),
            },
            Output::Text(text) => match input {
                Input::Report { call } => self.shadow.report(&self.engine, call, text),
                Input::Events => self.shadow.events(text),
                _ => Ok(()),
            },
        };
        match judged {
            Ok(()) => Ok(output),
            Err(why) => Err(Box::new(Broken { at: self.tape.len() - 1, input, output: Some(output), why })),
        }
    }

    /// One input that answers a word.
    ///
    /// # Errors
    /// The sentence that its answer broke.
    pub fn word(&mut self, input: Input) -> Result<Answer, Box<Broken>> {
        match self.play(input)? {
            Output::Word(answer) => Ok(answer),
            Output::Number(_) | Output::Text(_) => unreachable!("{input:?} answers a word"),
        }
    }

    /// Every call was given up: nobody is woken any more, nothing is in flight, live or waiting.
    ///
    /// # Errors
    /// Something is left.
    pub fn at_rest(&mut self, now: u64) -> Result<(), Box<Broken>> {
        while let Step::Done { arg: 1.. } = self.word(Input::Wake)?.step() {}
        let input = Input::Snapshot { now };
        let output = self.play(input)?;
        let empty = matches!(&output, Output::Text(text)
            if text.contains("\"inFlight\":0,\"live\":0,\"waiting\":0") && !text.contains("\"waiting\":1"));
        if !empty {
            let why = "something is left in an engine at rest".to_owned();
            return Err(Box::new(Broken { at: self.tape.len() - 1, input, output: Some(output), why }));
        }
        self.play(Input::Events)?;
        Ok(())
    }
}
