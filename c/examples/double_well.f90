!> A double well of unequal depths in Fortran: callbacks, the evaluation of a mixture, errors.
!>
!>   log gamma(x, y) = -8 (x^2 - 1)^2 + x/2 - y^2
!>
!> log Z is found by the trapezoidal rule, which is exact to rounding for integrands like these, and asserted.
module wells
    use amc
    implicit none
contains

    pure function log_density(x) result(value)
        real(c_double), intent(in) :: x(2)
        real(c_double) :: value
        value = -8*(x(1)**2 - 1)**2 + x(1)/2 - x(2)**2
    end function

    function log_densities(user, count, dim, x, values) bind(c) result(code)
        type(c_ptr), value :: user
        integer(c_size_t), value :: count, dim
        real(c_double), intent(in) :: x(dim, count)
        real(c_double), intent(out) :: values(count)
        integer(c_int) :: code
        integer(c_int), pointer :: failing
        integer(c_size_t) :: i
        call c_f_pointer(user, failing)
        do i = 1, count
            values(i) = log_density(x(:, i))
        end do
        code = failing
    end function

    function scores(user, count, dim, x, values, slopes) bind(c) result(code)
        type(c_ptr), value :: user
        integer(c_size_t), value :: count, dim
        real(c_double), intent(in) :: x(dim, count)
        real(c_double), intent(out) :: values(count), slopes(dim, count)
        integer(c_int) :: code
        code = log_densities(user, count, dim, x, values)
        slopes(1, :) = -32*x(1, :)*(x(1, :)**2 - 1) + 0.5_c_double
        slopes(2, :) = -2*x(2, :)
    end function

end module

program double_well
    use amc
    use wells
    implicit none
    integer, parameter :: points = 2000
    type(amc_error) :: error
    type(amc_target) :: own
    type(amc_options) :: options
    type(amc_summary) :: summary
    type(c_ptr) :: result
    integer(c_int), target :: failing = 0
    integer(c_int64_t), target :: seed = 5
    character(len=:, kind=c_char), allocatable, target :: settings
    real(c_double), allocatable, target :: positions(:, :), weights(:)
    real(c_double) :: truth, right, share, x, step
    integer :: i

    if (amc_abi_version() /= AMC_ABI) error stop 'compiled for another version of the library'
    call evaluate_a_mixture()

    own%dim = 2
    own%user = c_loc(failing)
    own%log_densities = c_funloc(log_densities)
    own%scores = c_funloc(scores)
    settings = '[path]'//c_new_line//'levels = 24'//c_new_line//'[kernel]'//c_new_line//'kind = "mala"'//c_new_line// &
               '[sampler]'//c_new_line//'kind = "smc"'//c_new_line//'particles = 2048'//c_new_line//c_null_char
    options%settings = c_loc(settings)
    options%seed = c_loc(seed)
    call check(amc_sample(own, options, result, error))
    call check(amc_result_summary(result, summary, error))

    step = 6.0_c_double/points
    truth = 0
    right = 0
    do i = 0, points
        x = -3 + i*step
        truth = truth + step*exp(log_density([x, 0.0_c_double]))
        if (x > 0) right = right + step*exp(log_density([x, 0.0_c_double]))
    end do
    share = right/truth
    truth = log(truth) + 0.5_c_double*log(acos(-1.0_c_double))
    print '(a, f8.4, a, f7.4, a, f8.4)', 'log Z = ', summary%log_z, ' +- ', summary%log_z_std_error, ', truth ', truth
    call require(abs(summary%log_z - truth) < 5*summary%log_z_std_error, 'log Z within five standard errors')
    call require(summary%log_z_std_error < 0.1_c_double, 'a standard error below 0.1')

    allocate (positions(amc_result_dim(result), amc_result_count(result)), weights(amc_result_count(result)))
    call check(amc_result_positions(result, amc_view_mut(positions), error))
    call check(amc_result_weights(result, amc_view_mut(weights), error))
    right = sum(weights, mask=positions(1, :) > 0)
    print '(a, f6.3, a, f6.3)', 'share of the deeper well = ', right, ', truth ', share
    call require(abs(right - share) < 0.1_c_double, 'the share of the deeper well')
    call amc_result_free(result)

    failing = -3
    call require(amc_sample(own, options, result, error) == AMC_ERROR_TARGET, 'the status of a failing callback')
    print '(a)', 'a failing callback: '//amc_message(error)
    call require(error%code == -3 .and. .not. c_associated(result), 'the code of a failing callback')
    ! What a main program allocates lives to its end, which valgrind calls lost.
    deallocate (positions, weights, settings)

contains

    !> The score of a noised mixture against differences of its log-density, and a point that is none.
    subroutine evaluate_a_mixture()
        real(c_double), target :: weights(2), variances(2), at(2, 3), values(3), slopes(2, 3), moved(2, 2), differences(2)
        type(amc_covariance) :: covariance
        type(amc_schedule) :: schedule
        type(c_ptr) :: mixture, density
        real(c_double), parameter :: h = 1e-5_c_double
        weights = [0.25_c_double, 0.75_c_double]
        variances = [0.3_c_double, 0.8_c_double]
        covariance = amc_covariance(AMC_ISOTROPIC, c_loc(variances), 2_c_size_t)
        at = reshape([-2.0_c_double, 0.0_c_double, 1.0_c_double, 3.0_c_double, 0.1_c_double, 0.7_c_double], [2, 3])
        call check(amc_mixture_new(amc_view(weights), amc_view(at(:, 1:2)), covariance, mixture, error))
        call check(amc_density_at(mixture, schedule, 0.2_c_double, density, error))
        call check(amc_density_scores(density, amc_view(at), amc_view_mut(values), amc_view_mut(slopes), error))
        moved = reshape([0.1_c_double - h, 0.7_c_double, 0.1_c_double + h, 0.7_c_double], [2, 2])
        call check(amc_density_log_densities(density, amc_view(moved), amc_view_mut(differences), error))
        call require(abs((differences(2) - differences(1))/(2*h) - slopes(1, 3)) < 1e-7_c_double, 'the score by differences')
        at(2, 3) = log(-abs(at(1, 3)))
        call require(amc_density_log_densities(density, amc_view(at), amc_view_mut(values), error) == AMC_ERROR_NOT_FINITE, &
                     'the status of a point that is none')
        call require(error%row == 2, 'the row of a point that is none, counted from 0')
        call amc_density_free(density)
        call amc_mixture_free(mixture)
    end subroutine

    subroutine check(status)
        integer(c_int32_t), intent(in) :: status
        if (status == AMC_OK) return
        print '(a)', amc_message(error)
        error stop 'a call failed'
    end subroutine

    subroutine require(holds, what)
        logical, intent(in) :: holds
        character(len=*), intent(in) :: what
        if (holds) return
        print '(2a)', 'does not hold: ', what
        error stop 1
    end subroutine

end program
