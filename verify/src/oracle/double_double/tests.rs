//! Against constants of 60 digits, computed with mpmath at 90.

use super::*;

/// What the documentation promises.
const TOLERANCE: f64 = 1e-30;

/// The number with these digits, `d.ddd` with or without an exponent, to about 1e-31.
fn decimal(digits: &str) -> DoubleDouble {
    let (digits, exponent) = digits.split_once('e').unwrap_or((digits, "0"));
    let (sign, digits) = digits.strip_prefix('-').map_or((1.0, digits), |rest| (-1.0, rest));
    let digits: Vec<u8> = digits.bytes().filter(u8::is_ascii_digit).collect();
    let exponent = exponent.parse::<i32>().unwrap() + 1 - digits.len() as i32;
    let number = digits.iter().fold(DoubleDouble::ZERO, |number, digit| {
        number * DoubleDouble::of(10.0) + DoubleDouble::of(f64::from(digit - b'0'))
    });
    // By powers of ten that are doubles.
    let powers = [1e16; 32].into_iter().take(exponent.unsigned_abs() as usize / 16);
    let powers = powers.chain([10.0_f64.powi(exponent.abs() % 16)]);
    let scale = |number, power| match exponent < 0 {
        true => number / DoubleDouble::of(power),
        false => number * DoubleDouble::of(power),
    };
    powers.fold(number * DoubleDouble::of(sign), scale)
}

#[track_caller]
fn assert_close(what: &str, found: DoubleDouble, digits: &str) {
    let expected = decimal(digits);
    let error = ((found - expected) / expected).abs().high();
    assert!(error < TOLERANCE, "{what} = {found:?} instead of {digits}, error {error:e}");
}

const EXP: [(f64, &str); 11] = [
    (1.0, "2.71828182845904523536028747135266249775724709369995957496697"),
    (-1.0, "3.67879441171442321595523770161460867445811131031767834507837e-1"),
    (0.1, "1.10517091807564763094663882345877965774166341637421962084148"),
    (0.346, "1.41340261581767702981218581215528549513655218295888525665790"),
    (-0.346, "7.07512487106501703329396540480844932597743101033129757164069e-1"),
    (1e-09, "1.00000000100000000050000006244825818676978124115938945711962"),
    (37.5, "1.93215993044028362084422759209197464881046040454156144446291e16"),
    (-87.25, "1.28175923131474420534120123360789335671346914936008249701190e-38"),
    (300.7, "3.91156641247915260495949185884017759593778809216177184365792e130"),
    (-600.3, "1.96346205849770116154883090727690912140550641315612520441566e-261"),
    (650.5, "3.22522842010508543130019480006610514747354350290072542781774e282"),
];

const LN: [(f64, &str); 12] = [
    (2.0, "6.93147180559945309417232121458176568075500134360255254120680e-1"),
    (10.0, "2.30258509299404568401799145468436420760110148862877297603333"),
    (0.1, "-2.30258509299404562850684022342653872716347359387638277683520"),
    (1.0000000000000002, "2.22044604925031283432823045461548792598233180790111470255693e-16"),
    (0.9999999999999999, "-1.11022302462515660205338988848237217180973272006529009577799e-16"),
    (1.00001, "9.99995000039884221847656316935949371999112384747603531376364e-6"),
    (core::f64::consts::SQRT_2, "3.46573590279972723066702637348315628422040920503198944881265e-1"),
    (0.7071067811865475, "-3.46573590279972743359775352487368472091718088278566868656687e-1"),
    (3e-310, "-7.12702766539486055409249355425465848433586365418764243563399e2"),
    (5e-324, "-7.44440071921381262314107298446081634113087144302914142925610e2"),
    (1.7e308, "7.09726836893228241037791026375772926882562730727107121976595e2"),
    (123456.789, "1.17236464871858810160296312529384925180255963668445644603272e1"),
];

const SIN: [(f64, &str); 10] = [
    (0.1, "5.87785252292473157386154844979129154121384276638847244137413e-1"),
    (0.125, "7.07106781186547524400844362104849039284835937688474036588340e-1"),
    (1e-09, "6.28318530717958682691036488144327417053655939813248674584581e-9"),
    (0.3, "9.51056516295153593672652133973174320751218059133677728420760e-1"),
    (-0.4, "-5.87785252292473016298910393278840075961903890529779548950149e-1"),
    (0.4999999999999999, "6.97573699601726379895848180918537927716243068609445075902059e-16"),
    (0.7, "-9.51056516295153485891588131004167154751274410758402535099588e-1"),
    (12345.678, "-8.99405251566051306205171009119837505558515913787851277422977e-1"),
    (-0.875, "7.07106781186547524400844362104849039284835937688474036588340e-1"),
    (0.25000000000000006, "9.99999999999999999999999999999939173866702995050677284157891e-1"),
];

const COS: [(f64, &str); 10] = [
    (0.1, "8.09016994374947403601116766533088437244566104605427722890760e-1"),
    (0.125, "7.07106781186547524400844362104849039284835937688474036588340e-1"),
    (1e-09, "9.99999999999999980260791197821280368491735388702034374363328e-1"),
    (0.3, "-3.09016994374947357759092156948833536911064077599796019086073e-1"),
    (-0.4, "-8.09016994374947506107000019781731703447400652521386462184403e-1"),
    (0.4999999999999999, "-9.99999999999999999999999999999756695466811980202709136631563e-1"),
    (0.7, "-3.09016994374947689475098458118746109609403926807482244486854e-1"),
    (12345.678, "-4.37115766651590782454568331736816893250918512003897669009346e-1"),
    (-0.875, "7.07106781186547524400844362104849039284835937688474036588340e-1"),
    (0.25000000000000006, "-3.48786849800863189947924090459290179213539764053278649718666e-16"),
];

/// Fails if an operation drops the low part, or a constant is mistyped.
#[test]
fn arithmetic() {
    let (a, b) = (DoubleDouble::of(1.1), DoubleDouble::of(2.3));
    assert_close("product", a * b, "2.53000000000000000888178419700123654617094892449045426542869");
    assert_close(
        "quotient",
        a / b,
        "4.78260869565217466858277668252624843284991458064205568125898e-1",
    );
    let third = DoubleDouble::ONE / DoubleDouble::of(3.0);
    assert_close(
        "third",
        third,
        "3.33333333333333333333333333333333333333333333333333333333333e-1",
    );
    let small = DoubleDouble::of(3.0 * power_of_two(-70));
    let sum = a + small;
    assert_close("sum", sum, "1.10000000000000008882038306885428613490773841476766392588615");
    assert_close(
        "square",
        sum * sum,
        "1.21000000000000019540484275147943738585747301050599676605225",
    );
    assert_eq!(sum - a, small);
    assert_close(
        "2 pi",
        DoubleDouble::TAU,
        "6.28318530717958647692528676655900576839433879875021164194989",
    );
    assert_close(
        "ln 2",
        DoubleDouble::LN_2,
        "6.93147180559945309417232121458176568075500134360255254120680e-1",
    );
    assert_eq!(two_sum(1.0, 1e-20), (1.0, 1e-20));
    assert_eq!(two_sum(1e-20, -1.0), (-1.0, 1e-20));
    let x = 1.0 + f64::EPSILON;
    assert_eq!(two_product(x, x), (1.0 + 2.0 * f64::EPSILON, f64::EPSILON * f64::EPSILON));
}

/// Fails if a term of the series, the reduction or the number of doublings is wrong.
#[test]
fn exponential() {
    for (x, digits) in EXP {
        assert_close(&format!("exp({x})"), DoubleDouble::of(x).exp(), digits);
    }
    // Beyond the doubles the exponent stands apart: exp(-745) = y 2^n.
    let (y, n) = DoubleDouble::of(-745.0).exp_parts();
    assert_eq!(n, -1075);
    assert_close("exp(-745)", y, "1.14250029494210833143423442160157746181705336011432774801540");
}

/// Fails if Newton's step is missing, or digits cancel near 1 or are lost in subnormals.
#[test]
fn logarithm() {
    for (x, digits) in LN {
        assert_close(&format!("ln({x})"), DoubleDouble::of(x).ln(), digits);
    }
    let x = DoubleDouble::sum_of(1.0, 1e-25);
    assert_close(
        "ln(1 + 1e-25)",
        x.ln(),
        "1.00000000000000003849486969919183908137198551210436671554548e-25",
    );
}

/// Fails if a quadrant, a term or a digit of `2 pi` is wrong.
#[test]
fn sine_and_cosine() {
    for ((u, sine), (_, cosine)) in SIN.iter().zip(&COS) {
        let (s, c) = DoubleDouble::sin_cos_of_turns(*u);
        assert_close(&format!("sin of {u} turns"), s, sine);
        assert_close(&format!("cos of {u} turns"), c, cosine);
    }
    let (s, c) = DoubleDouble::sin_cos_of_turns(1e-250);
    assert_close(
        "sin of 1e-250 turns",
        s,
        "6.28318530717958681621438583465904146516852910971763326137706e-250",
    );
    assert_eq!(c, DoubleDouble::ONE);
    assert_eq!(DoubleDouble::sin_cos_of_turns(-0.75).0, DoubleDouble::ONE);
}
