//! Writes the stubs of tonic, and those of capnp-rpc if they are asked for.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=schema");
    let schema = protox::compile(["peer.proto"], ["schema"])?;
    tonic_prost_build::configure().compile_fds(schema)?;
    #[cfg(feature = "capnp")]
    capnpc::CompilerCommand::new()
        .default_parent_module(vec!["capnp_peer".to_owned()])
        .src_prefix("schema")
        .file("schema/peer.capnp")
        .run()?;
    Ok(())
}
