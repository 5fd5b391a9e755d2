//! stub
pub(crate) mod options {
    use clap::Args;
    #[derive(Debug, Args)]
    pub(crate) struct DemoOptions {}
    #[derive(Debug, Args)]
    pub(crate) struct DemoClientOptions {}
}
pub(crate) mod client {
    pub(crate) fn run(_: &super::options::DemoClientOptions) -> Result<(), rpc_examples::status::Failure> {
        Ok(())
    }
}
pub(crate) fn demo(_: &options::DemoOptions) -> Result<(), rpc_examples::status::Failure> {
    Ok(())
}
