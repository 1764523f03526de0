// PluginNameFormTests.swift

import QPTelemetry
import Testing

@Suite struct PluginNameFormTests {
    @Test(
        "claim 35: filters by plugin take either form of its name",
        arguments: [
            Row("mangled", "queue::qmail_2dqueue", "queue/qmail-queue"),
            Row("as configured", "queue/qmail-queue", "queue/qmail-queue"),
            Row("plain", "dnsbl", "dnsbl"),
            Row("an underscore of its own", "check_badrcptto", "check_badrcptto"),
            Row("hex of a letter", "my_61bc", "my_61bc"),
            Row("a digit behind a slash", "auth::_39lives", "auth/9lives"),
            Row("an instance", "my_2dcheck:0", "my-check:0"),
            Row("cut off", "my_2", "my_2"),
            Row("nothing", "", ""),
        ])
    func canonical(_ row: Row<String, String>) {
        #expect(PluginNameForm.canonical(row.input) == row.expected)
        #expect(PluginNameForm.canonical(row.expected) == row.expected)
    }
}
