// main.swift
//
// A server with the plugins that come with it and one more.

import Glibc
import QPPlugins
import QPServer

var arguments = ServeArguments()
var rest = CommandLine.arguments.dropFirst()
while let option = rest.popFirst() {
    switch (option, rest.popFirst()) {
    case ("--config", let directory?): arguments.config = directory
    case ("--listen", let address?): arguments.listen.append(address)
    default:
        let usage = "usage: Greeter [--config DIR] [--listen ADDR:PORT]...\n"
        _ = usage.withCString { write(2, $0, strlen($0)) }
        exit(64)
    }
}
exit(Server.run(arguments, plugins: BundledPlugins.all + [Greeter.self]))
