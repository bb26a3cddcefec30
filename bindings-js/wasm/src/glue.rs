//! Writes the module's glue: `glue MODULE FOLDER`, run by the package's build. The crate and this tool are always of
//! one version.

use std::error::Error;
use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args_os().skip(1);
    let (Some(module), Some(folder)) = (args.next(), args.next()) else {
        return Err("usage: glue MODULE FOLDER".into());
    };
    let mut bindgen = Bindgen::new();
    // What imports the module decides how it is instantiated.
    bindgen.input_path(module).out_name("engine").bundler(true)?.typescript(true);
    bindgen.remove_name_section(true).remove_producers_section(true);
    Ok(bindgen.generate(folder)?)
}
