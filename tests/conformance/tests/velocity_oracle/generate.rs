//! Templates from the grammar, and from texts that look like it.

/// A sequence of numbers that depends on the seed alone.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }
}

pub(crate) struct Generator {
    numbers: Numbers,
    out: String,
    depth: u32,
}

impl Generator {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            numbers: Numbers(seed),
            out: String::new(),
            depth: 0,
        }
    }

    /// A template. One in four is then damaged, so that what is no template is compared as well.
    pub(crate) fn template(mut self) -> String {
        let pieces = 1 + self.numbers.below(6);
        for _ in 0..pieces {
            self.piece();
        }
        if self.numbers.below(4) == 0 {
            for _ in 0..=self.numbers.below(2) {
                self.damage();
            }
        }
        self.out
    }

    fn pick<'p>(&mut self, choices: &[&'p str]) -> &'p str {
        choices[self.numbers.below(choices.len())]
    }

    fn push_one(&mut self, choices: &[&str]) {
        let choice = self.pick(choices);
        self.out.push_str(choice);
    }

    fn chance(&mut self, one_in: usize) -> bool {
        self.numbers.below(one_in) == 0
    }

    fn damage(&mut self) {
        let mut characters: Vec<char> = self.out.chars().collect();
        let place = self.numbers.below(characters.len() + 1);
        match self.numbers.below(3) {
            0 if place < characters.len() => {
                characters.remove(place);
            }
            1 if place + 1 < characters.len() => characters.swap(place, place + 1),
            _ => {
                let symbol = self.pick(&[
                    "$", "#", "\\", "(", ")", "{", "}", "[", "]", "!", "\"", "'", ".", "\n", " ",
                    "-", ",", "*", "@", "|", "=", "<", "1", "a",
                ]);
                characters.splice(place..place, symbol.chars());
            }
        }
        self.out = characters.into_iter().collect();
    }

    fn piece(&mut self) {
        if self.depth > 3 {
            return self.text();
        }
        self.depth += 1;
        match self.numbers.below(20) {
            0..=4 => self.text(),
            5..=8 => self.reference(true),
            9..=11 => self.set(),
            12..=13 => self.condition(),
            14..=15 => self.foreach(),
            16 => self.define(),
            17 => self.macro_or_call(),
            18 => self.comment(),
            _ => self.oddity(),
        }
        self.depth -= 1;
    }

    fn pieces(&mut self) {
        for _ in 0..self.numbers.below(4) {
            self.piece();
        }
    }

    fn text(&mut self) {
        for _ in 0..=self.numbers.below(3) {
            self.push_one(&[
                "text", " ", "\n", "  ", "\t", "\r\n", "{", "}", "\"", "'", ":", ",", ".", "(",
                ")", "[", "]", "-", "!", "a.b", "5", "-1.5", "ü€", "\\n", "@", "<b>", "&&", "\n  ",
                "end", "]]#", "*", "=",
            ]);
        }
    }

    fn oddity(&mut self) {
        self.push_one(&[
            "$",
            "$ ",
            "# ",
            "#",
            "$$",
            "$5",
            "$.",
            "$[",
            "$!",
            "$!{",
            "${",
            "#5",
            "#f0f0f0",
            "\\",
            "\\\\",
            "\\#if",
            "\\\\#if(true)x#end",
            "\\#foo",
            "\\$a",
            "\\\\$a",
            "\\\\\\$a",
            "\\$none",
            "\\\\$none",
            "\\$!a",
            "\\$!none",
            "$\\!a",
            "$\\\\!none",
            "\\${a}",
            "$$a",
            "#$a",
            "$!$a",
            "##$a\n",
            "#[[ $a #if ]]#",
            "#[[#]]#",
            "#* $a *#",
            "#** x *#",
            "#stop",
            "#break",
            "#{end}",
            "#end",
            "#else",
            "$a.",
            "$a.5",
            "$a..b",
            "$a!",
            "$a#b",
            "$a.b.",
            "$a-1",
            "$a_b",
            "$true",
            "$foreach.count",
            "$velocityCount",
            "$m.keySet()",
            "$m.b.values()",
            "$m.entrySet() ",
            "$a.charAt(1)",
            "#@",
            "#unknown",
            "#unknown()",
            "#unknown($a 'x')",
            "#{unknown}",
            "#@unknown($a) x #end",
            "$a$b",
            "$a.toString()$b",
            "$a$b.toString() ",
            "$m.a$m.b.c ",
            "$m.a#if(true)x#end",
            "#literal() $a #set($a=1) \\$b #end",
            "#stop('x')",
            "$a)",
            "$a(",
            "${a}b",
        ]);
    }

    fn comment(&mut self) {
        self.push_one(&[
            "## comment\n",
            "##\n",
            " ## $a #if\n",
            "#* block $a *#",
            "#*\n lines\n*#",
            "#** formal *#",
            "#* a *#\n",
            "#[[ $raw #end ]]#",
            "#***#",
        ]);
    }

    fn root(&mut self) -> &'static str {
        self.pick(&[
            "a", "b", "e", "n", "k", "d", "t", "f", "z", "big", "l", "empty", "m", "items", "u",
            "x", "y", "none", "item", "a-b",
        ])
    }

    /// A reference; with escapes and braces where it stands in text.
    fn reference(&mut self, in_text: bool) {
        if in_text && self.chance(12) {
            self.push_one(&["\\", "\\\\", "$"]);
        }
        self.push_one(&["$", "$", "$", "$!"]);
        let braces = self.chance(4);
        if braces {
            self.out.push('{');
        }
        let root = self.root();
        self.out.push_str(root);
        for _ in 0..self.numbers.below(3) {
            self.step();
        }
        if braces {
            self.out.push('}');
        }
    }

    fn step(&mut self) {
        match self.numbers.below(8) {
            0..=2 => self.push_one(&[
                ".a", ".b", ".c", ".l", ".id", ".name", ".none", ".empty", ".index", ".count",
                ".hasNext", ".first", ".last", ".key", ".size",
            ]),
            3 => {
                self.out.push('[');
                self.push_one(&["0", "1", "-1", "'a'", "\"b\"", " 2 ", "$n", "'id'", "9"]);
                self.out.push(']');
            }
            4 => {
                self.push_one(&[".get(", ".contains(", ".indexOf(", ".equals(", ".add("]);
                self.argument();
                self.out.push(')');
            }
            _ => self.push_one(METHODS),
        }
    }

    fn argument(&mut self) {
        match self.numbers.below(4) {
            0 => self.reference(false),
            1 => self.push_one(&["0", "1", "2", "-1", "1.5"]),
            2 => self.push_one(&["'a'", "'e'", "\"t\"", "''", "'id'"]),
            _ => self.string(),
        }
    }

    fn string(&mut self) {
        if self.chance(3) {
            return self.push_one(&["'single'", "'it''s'", "'$a'", "''", "'#if'", "'a\\b'"]);
        }
        let before = self.out.len();
        self.depth += 1;
        self.pieces();
        self.depth -= 1;
        let content = self.out.split_off(before).replace('"', "\"\"");
        self.out.push('"');
        self.out.push_str(&content);
        self.out.push('"');
    }

    fn set(&mut self) {
        self.push_one(&["", "", " ", "\n", "\n  "]);
        self.push_one(&["#set(", "#set(", "#set (", "#{set}(", "#set( "]);
        match self.numbers.below(8) {
            0 => self.push_one(&["$m.a", "$m.new", "$m['b']", "$m[\"k\"]", "$l[0]", "$m.b.c"]),
            1 => self.push_one(&["$none.a", "$a.b", "$!x", "${x}", "$l[9]", "$foreach.x"]),
            _ => self.push_one(&["$x", "$y", "$a", "$n", "$item"]),
        }
        self.push_one(&[" = ", "=", " =", "= "]);
        self.expression();
        self.push_one(&[")", ")", ")\n", " )", ")  \n", ") "]);
    }

    fn expression(&mut self) {
        if self.depth > 5 {
            return self.push_one(&["1", "'x'", "$a", "true"]);
        }
        self.depth += 1;
        match self.numbers.below(16) {
            0..=2 => self.reference(false),
            3..=4 => self.string(),
            5 => self.push_one(&[
                "0",
                "1",
                "42",
                "-7",
                "2147483648",
                "9223372036854775807",
                "99999999999999999999",
                "007",
            ]),
            6 => self.push_one(&["1.5", "-0.5", ".5", "1.", "1e3", "2.5E-3", "4.5e+3"]),
            7 => self.push_one(&["true", "false"]),
            8 => self.list(),
            9 => {
                self.out.push('[');
                self.push_one(&["1", "$n", "-2", " 0 ", "$none"]);
                self.out.push_str("..");
                self.push_one(&["3", "$n", "-4", " 2 ", "$d"]);
                self.out.push(']');
            }
            10 => self.map(),
            11 => {
                self.push_one(&["!", "not ", "! "]);
                self.expression();
            }
            12 => {
                self.out.push('(');
                self.expression();
                self.out.push(')');
            }
            _ => {
                self.expression();
                self.push_one(&[
                    " + ", " - ", " * ", " / ", " % ", "+", "*", " == ", " != ", " < ", " <= ",
                    " > ", " >= ", " && ", " || ", " and ", " or ", " eq ", " ne ", " lt ", " gt ",
                    " le ", " ge ", "==", "&&",
                ]);
                self.expression();
            }
        }
        self.depth -= 1;
    }

    fn list(&mut self) {
        self.out.push('[');
        for place in 0..self.numbers.below(4) {
            if place > 0 {
                self.push_one(&[", ", ",", " , "]);
            }
            self.item();
        }
        self.out.push(']');
    }

    fn item(&mut self) {
        match self.numbers.below(5) {
            0 => self.reference(false),
            1 => self.string(),
            2 => self.push_one(&["1", "-2", "2.5", "true", "false"]),
            3 => self.push_one(&["[]", "[1,2]", "{}", "{'k':1}"]),
            _ => self.push_one(&["'a'", "'b'", "\"c\""]),
        }
    }

    fn map(&mut self) {
        self.out.push('{');
        for place in 0..self.numbers.below(3) {
            if place > 0 {
                self.push_one(&[", ", ","]);
            }
            self.push_one(&["'a'", "\"b\"", "'id'", "\"$a\""]);
            self.push_one(&[":", ": ", " : "]);
            self.item();
        }
        self.out.push('}');
    }

    fn condition(&mut self) {
        self.push_one(&["#if(", "#if (", "#{if}(", "#if( "]);
        self.expression();
        self.push_one(&[")", ")\n", ") ", ")  \n"]);
        self.pieces();
        while self.chance(4) {
            self.push_one(&["#elseif(", "#{elseif}("]);
            self.expression();
            self.out.push(')');
            self.pieces();
        }
        if self.chance(2) {
            self.push_one(&["#else", "#{else}", "#else\n", "#else "]);
            self.pieces();
        }
        self.end();
    }

    fn end(&mut self) {
        self.push_one(&["#end", "#end\n", "#{end}", "#end ", "#end  \n"]);
    }

    fn foreach(&mut self) {
        self.push_one(&[
            "#foreach($item in ",
            "#foreach( $x in ",
            "#{foreach}($item in ",
            "#foreach($a in ",
        ]);
        match self.numbers.below(5) {
            0 => self.list(),
            1 => self.push_one(&["[1..3]", "[3..1]", "[$k..$n]", "[1..$n]"]),
            2 => self.push_one(&[
                "$m",
                "$m.keySet()",
                "$m.entrySet()",
                "$m.b.l",
                "$m.values()",
            ]),
            3 => self.push_one(&["$items", "$l", "$empty", "$none", "$a", "$n"]),
            _ => self.reference(false),
        }
        self.push_one(&[")", ")\n", ") ", " )"]);
        self.pieces();
        self.push_one(&[
            "",
            "$item",
            "$item.id",
            "$foreach.index",
            "$foreach.count",
            "$velocityCount",
            "$velocityHasNext",
            "#if($foreach.hasNext), #end",
            "#if($foreach.last)last#end",
            "#if($foreach.count == 2)#break#end",
            "$foreach.parent.index",
            "$item.key=$item.value",
            "#if($foreach.first)#break($foreach)#end",
            "$!foreach.topmost.count",
        ]);
        self.pieces();
        self.end();
    }

    fn define(&mut self) {
        self.push_one(&["#define($x)", "#define( $block )\n", "#define($y)"]);
        self.pieces();
        self.end();
        self.push_one(&["$x", "$block", "$!y", "", "${x}", "\\$x"]);
    }

    fn macro_or_call(&mut self) {
        if self.chance(2) {
            self.push_one(&[
                "#macro(first)",
                "#macro(second $x)",
                "#macro( third $x $y )\n",
                "#macro(second $p, $a)",
            ]);
            self.pieces();
            self.push_one(&[
                "",
                "$x",
                "$y",
                "$bodyContent",
                "$!bodyContent",
                "#set($x = 7)$x",
            ]);
            self.end();
        }
        self.push_one(&[
            "#first()",
            "#first",
            "#second(",
            "#third(",
            "#@second(",
            "#@first()",
            "#first() ",
        ]);
        if self.out.ends_with('(') {
            for place in 0..self.numbers.below(4) {
                if place > 0 {
                    self.push_one(&[" ", ", ", ","]);
                }
                self.item();
            }
            self.push_one(&[")", ")\n", ") "]);
        }
        let block = self.out.rfind("#@").is_some_and(|at| {
            let call = &self.out[at..];
            !call.contains("#end") && !call.contains('\n')
        });
        if block {
            self.pieces();
            self.end();
        }
    }
}

/// Methods whose answers print alike everywhere.
const METHODS: &[&str] = &[
    ".length()",
    ".size()",
    ".toString()",
    ".isEmpty()",
    ".toUpperCase()",
    ".toLowerCase()",
    ".trim()",
    ".substring(1)",
    ".substring(1, 3)",
    ".substring(9)",
    ".indexOf('a')",
    ".lastIndexOf('a')",
    ".lastIndexOf('a', 2)",
    ".indexOf('e', 2)",
    ".replace('a', 'b')",
    ".contains('e')",
    ".startsWith('A')",
    ".endsWith('a')",
    ".equals('Alpha')",
    ".equalsIgnoreCase('ALPHA')",
    ".concat('x')",
    ".compareTo('Beta')",
    ".hashCode()",
    ".get('a')",
    ".get(0)",
    ".containsKey('a')",
    ".containsValue(1)",
    ".put('p', 1)",
    ".remove('a')",
    ".remove(0)",
    ".add(1)",
    ".add('x')",
    ".addAll([1, 2])",
    ".set(0, 'y')",
    ".subList(0, 1)",
    ".contains(1)",
    ".indexOf(1)",
    ".intValue()",
    ".longValue()",
    ".doubleValue()",
    ".compareTo(5)",
    ".parseInt('42')",
    ".valueOf('7')",
    ".replaceAll('[aeiou]', '_')",
    ".replaceAll('(\\w)a', '$1')",
    ".replaceFirst('a+', \"<$0>\")",
    ".matches('[A-Z].*')",
    ".split(',').size()",
    ".unknown()",
    ".unknown(1, $a)",
    ".clear()",
    ".toString(16)",
    ".getOrDefault('q', 'none')",
    ".putAll({'r': 2})",
    ".codePointAt(1)",
    ".format('%s-%05d|%-4s|%x', 'a', 42, 'b', 255)",
    ".isBlank()",
    ".repeat(2)",
    ".size().intValue()",
];
