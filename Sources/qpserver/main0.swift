import ArgumentParser
import QPServer
@main struct Main { static func main() { } }
