//! Unit tests of agreement.

use super::*;
#[test]
fn words_agree_with_their_count_as_each_language_has_it() {
    let packs = |n| counted(n, "# paquet[s] perdu[s]", "# pack[s] [was|were] lost");
    let french = [(0, "0 paquet perdu"), (1, "1 paquet perdu"), (2, "2 paquets perdus")];
    let english = [(0, "0 packs were lost"), (1, "1 pack was lost"), (2, "2 packs were lost")];
    for ((n, fr), (_, en)) in french.into_iter().zip(english) {
        assert_eq!((packs(n).text(Lang::Fr), packs(n).text(Lang::En)), (fr, en));
    }
    let many = packs(12_345);
    assert_eq!(
        (many.text(Lang::Fr), many.text(Lang::En)),
        ("12 345 paquets perdus", "12,345 packs were lost")
    );
}

#[test]
fn words_of_two_forms_may_hold_the_number() {
    let of = |n| counted(n, "rien ne manque [à l'instantané|aux # instantanés]", "# entr[y|ies]");
    assert_eq!(of(1).text(Lang::Fr), "rien ne manque à l'instantané");
    assert_eq!(of(3).text(Lang::Fr), "rien ne manque aux 3 instantanés");
    assert_eq!((of(1).text(Lang::En), of(2).text(Lang::En)), ("1 entry", "2 entries"));
}

#[test]
fn what_was_not_counted_is_many() {
    assert_eq!(uncounted("# nouveau[x]", "# new").text(Lang::Fr), "? nouveaux");
}

#[test]
fn a_bracket_that_is_not_closed_stays() {
    assert_eq!(agreed("a[s] b[", true), "as b[");
}
