//! `unruffled-faults [--scenarios DIR] [--static DIR]`: prints its address as one JSON line, ends when its stdin does.

use std::io::{Read as _, Write as _};

use unruffled_faults::{Options, start};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = read_arguments()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // A thread of its own: stdin cannot be awaited everywhere, and its end is the end of the process.
    std::thread::spawn(|| {
        let mut rest = Vec::new();
        let _ = std::io::stdin().read_to_end(&mut rest);
        std::process::exit(0);
    });
    runtime.block_on(async {
        let server = start(options).await?;
        println!("{}", serde_json::json!({"address": format!("http://{}", server.address)}));
        std::io::stdout().flush()?;
        std::future::pending::<()>().await;
        Ok(())
    })
}

fn read_arguments() -> Result<Options, String> {
    let mut options = Options::default();
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let slot = match name.as_str() {
            "--scenarios" => &mut options.scenarios,
            "--static" => &mut options.statics,
            _ => return Err(format!("{name}: unknown; --scenarios DIR, --static DIR")),
        };
        *slot = Some(arguments.next().ok_or(format!("{name} needs a folder"))?.into());
    }
    Ok(options)
}
