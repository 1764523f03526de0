// PaletteTests.swift
//
// What styles look like.

import Testing

@testable import QPConsole

@Suite struct PaletteTests {
    @Test(
        arguments: [
            ([:], 256, nil, .many), ([:], 16, nil, .few), ([:], 8, nil, .few), ([:], 2, nil, .none),
            ([:], 0, nil, .none),
            (["NO_COLOR": "1"], 256, nil, .none), (["NO_COLOR": ""], 256, nil, .many),
            (["NO_COLOR": "1"], 256, .many, .many), ([:], 256, .few, .few), ([:], 256, PaletteKind.none, .none),
            ([:], 8, .many, .few), ([:], 0, .many, .none), (["TERM": "xterm"], 16_777_216, nil, .many),
        ] as [([String: String], Int, PaletteKind?, PaletteKind)])
    func chosen(_ environment: [String: String], _ colors: Int, _ wanted: PaletteKind?, _ kind: PaletteKind) {
        #expect(PaletteKind.choose(environment: environment, colors: colors, wanted: wanted) == kind)
    }

    static let tones: [Style.Tone] =
        [.plain, .muted, .heading, .name, .good, .warning, .bad, .accent, .bar] + (0...9).map { .heat($0) }

    @Test(arguments: Self.tones)
    func withoutColours(_ tone: Style.Tone) {
        let paint = Palette(kind: .none).paint(Style(tone: tone))
        #expect(paint.foreground == nil)
        #expect(paint.background == nil)
        #expect(!paint.isDim)
    }

    @Test(arguments: [PaletteKind.few, .many], Self.tones)
    func whiteAndBlackOnOwnGroundOnly(_ kind: PaletteKind, _ tone: Style.Tone) {
        let paint = Palette(kind: kind).paint(Style(tone: tone))
        if let foreground = paint.foreground, [0, 7, 8, 15, 16, 231, 232, 255].contains(foreground) {
            #expect(paint.background != nil)
        }
        if let background = paint.background { #expect(paint.foreground != nil && paint.foreground != background) }
        if kind == .few {
            #expect(paint.foreground ?? 0 < 8)
            #expect(paint.background ?? 0 < 8)
        }
    }

    @Test(arguments: PaletteKind.allCases, Self.tones)
    func selectionIsOneBar(_ kind: PaletteKind, _ tone: Style.Tone) {
        let paint = Palette(kind: kind).paint(Style(tone: tone, isSelected: true))
        #expect(paint.isReversed)
        #expect(paint.foreground == nil)
        #expect(paint.background == nil)
    }

    @Test(arguments: PaletteKind.allCases)
    func tagsAndEmphasis(_ kind: PaletteKind) {
        let palette = Palette(kind: kind)
        let tagged = palette.paint(Style(isTagged: true))
        #expect(tagged.isBold)
        #expect(tagged.isUnderlined == (kind == .none))
        #expect(palette.paint(Style(isSelected: true, isTagged: true)).isReversed)
        #expect(palette.paint(.bold).isBold)
        #expect(palette.paint(Style(isUnderlined: true)).isUnderlined)
        #expect(palette.paint(.heading).isBold)
    }

    @Test func heat() {
        let many = Palette(kind: .many)
        #expect(many.paint(Style(tone: .heat(0))) == Paint())
        #expect(Set((1...7).map { many.paint(Style(tone: .heat($0))).background }).count == 7)
        #expect(many.paint(Style(tone: .heat(200))) == many.paint(Style(tone: .heat(7))))
        let few = Palette(kind: .few)
        #expect((0...7).map { few.paint(Style(tone: .heat($0))).background } == [nil, 2, 2, 3, 3, 3, 1, 1])
        let none = Palette(kind: .none)
        #expect((0...7).map { none.paint(Style(tone: .heat($0))).isBold } == (0...7).map { $0 >= 5 })
    }
}
